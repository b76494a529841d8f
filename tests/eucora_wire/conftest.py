"""Property tests without a stop-watch: a busy machine is no fault. (In CI hypothesis brings its own such profile.)"""

import os

from hypothesis import HealthCheck, settings

if not os.environ.get("CI"):
    settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("calm")
