"""systemd: a hardened unit that restarts the agent. Written once; `systemctl enable --now eucora-agent` starts it."""

import sys
from pathlib import Path

from eucora_agent.settings import Settings

UNIT = Path("/etc/systemd/system/eucora-agent.service")

TEXT = """\
[Unit]
Description=EUCORA agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={program} -m eucora_agent.main run
Environment=EUCORA_AGENT_DIR={folder}
Restart=always
RestartSec=5
MemoryMax=128M
CPUQuota=20%
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={folder}
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""


def install(settings: Settings, *, only_print: bool) -> None:
    """Write the unit, or print it. Raises OSError when it may not be written."""
    text = TEXT.format(program=sys.executable, folder=settings.dir)
    if only_print:
        print(text, end="")  # noqa: T201
        return
    UNIT.write_text(text)
    print(f"{UNIT} written; start it with: systemctl enable --now eucora-agent")  # noqa: T201
