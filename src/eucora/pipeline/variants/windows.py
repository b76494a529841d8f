"""Windows by its caption, in whatever language, and its build: the build knows better than the caption.

Source of builds: Microsoft's release information (learn.microsoft.com/windows/release-health). From 22000 on a client is
Windows 11, whatever the registry's ProductName says.
"""

import re

from msgspec.structs import replace

from eucora_wire.sections.device import OperatingSystem

ELEVEN = 22000
RELEASES = {
    10240: "1507",
    10586: "1511",
    14393: "1607",
    15063: "1703",
    16299: "1709",
    17134: "1803",
    17763: "1809",
    18362: "1903",
    18363: "1909",
    19041: "2004",
    19042: "20H2",
    19043: "21H1",
    19044: "21H2",
    19045: "22H2",
    22000: "21H2",
    22621: "22H2",
    22631: "23H2",
    26100: "24H2",
    26200: "25H2",
}
"""Client builds and the release they are."""

# The longer name stands before the shorter one that it begins with.
EDITIONS = (
    (r"pro(?:fessional)? for workstations", "Pro for Workstations"),
    (r"pro education", "Pro Education"),
    (r"iot enterprise ltsc", "IoT Enterprise LTSC"),
    (r"iot enterprise", "IoT Enterprise"),
    (r"enterprise (?:\d{4} )?ltsc", "Enterprise LTSC"),
    (r"enterprise (?:\d{4} )?ltsb|корпоративная \d{4} с долгосрочным обслуживанием", "Enterprise LTSB"),
    (r"enterprise|entreprise|корпоративная|企业版", "Enterprise"),
    (r"education|éducation|для образовательных учреждений|教育版", "Education"),
    (
        r"home single language|famille unilingue|домашняя для одного языка|家庭单语言版|家庭中文版",
        "Home Single Language",
    ),
    (r"home|famille|домашняя|家庭版|édition familiale", "Home"),
    (r"professional|professionnel|профессиональная|专业版|pro\b", "Pro"),
    (r"datacenter", "Datacenter"),
    (r"standard", "Standard"),
    (r"essentials", "Essentials"),
    (r"ultimate|максимальная", "Ultimate"),
)
_EDITIONS = tuple((re.compile(pattern, re.I), name) for pattern, name in EDITIONS)
_PRODUCT = re.compile(r"(?:windows|hyper-v)\W*(?:server\W*)?(\d{4}(?: r2)?|\d+(?:\.\d)?|xp|vista|me)?\b", re.I)
_SERVER = re.compile(r"server", re.I)
_BUILD = re.compile(r"(?<!\d)(?:10\.0\.)?(\d{5})(?:\.(\d+)| build (\d+))?(?!\d)", re.I)


def windows(os: OperatingSystem) -> OperatingSystem:
    """`Windows 11 Pro`, its release (`23H2`) where it is known, its build (`22631.4317`)."""
    name = os.name.replace("®", "").replace("(R)", "").replace("™", "")
    found = _BUILD.search(f"{os.build or ''} ") or _BUILD.search(f"{os.version or ''} ")
    number = int(found[1]) if found else 0
    revision = found and (found[2] or found[3])
    return replace(
        os,
        name=" ".join(word for word in (_product(name, number), _edition(name)) if word),
        version=os.version if _SERVER.search(name) or number not in RELEASES else RELEASES[number],
        build=(f"{number}.{revision}" if revision and int(revision) != number else str(number)) if number else os.build,
    )


def _product(name: str, build: int) -> str:
    told = _PRODUCT.search(name)
    number = (told[1] or "") if told else ""
    if _SERVER.search(name):
        return f"{'Hyper-V' if 'hyper-v' in name.casefold() else 'Windows'} Server {number.upper()}".strip()
    if build >= ELEVEN and number in ("", "10", "11"):
        number = "11"
    return f"Windows {number.upper() if len(number) == 2 else number.title()}".strip()


def _edition(name: str) -> str:
    return next((edition for pattern, edition in _EDITIONS if pattern.search(name)), "")
