"""Proxies in the places where Linux keeps them."""

import pytest

from eucora_agent.collectors import proxy


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"etc/environment": 'PATH="/bin"\nhttps_proxy="http://proxy:3128"\n'}, True),
        ({"etc/profile.d/proxy.sh": "export HTTP_PROXY=http://proxy:3128\n"}, True),
        ({"etc/apt/apt.conf.d/90proxy": 'Acquire::http::Proxy "http://proxy:3142";\n'}, True),
        ({"etc/dnf/dnf.conf": "[main]\nproxy=http://proxy:3128\n"}, True),
        ({"etc/dconf/db/local.d/00-proxy": "[system/proxy]\nmode='manual'\n\n[system/proxy/http]\nhost='p'\n"}, True),
        (
            {"etc/apt/apt.conf.d/90proxy": 'Acquire::http::Proxy "DIRECT";\n// Acquire::http::Proxy "http://x";\n'},
            False,
        ),
        ({"etc/environment": "no_proxy=localhost\n#https_proxy=http://x\nhttps_proxy=\n"}, False),
        ({"etc/dnf/dnf.conf": "proxy=_none_\n"}, False),
        ({"etc/dconf/db/local.d/00-proxy": "[system/proxy]\nmode='none'\n[other]\nmode='manual'\n"}, False),
        ({}, False),
    ],
)
def test_a_setting_that_names_a_proxy_counts_and_one_that_names_none_does_not(tree, tmp_path, files, found):
    assert proxy.configured(tree(files) if files else tmp_path, {}) is found


def test_the_agents_own_environment_counts(tmp_path):
    assert proxy.configured(tmp_path, {"HTTPS_PROXY": "http://proxy:3128"})
