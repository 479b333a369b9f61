"""Installing says what is waited for and what is wrong, and not each of the packages."""

import subprocess
import sys

import pytest

import bootstrap

# As uv 0.13 writes it where there is no terminal.
_SAID = """
import sys, time
sys.stderr.write('''Resolved 3 packages in 928ms
Downloading tensorflow-cpu (261.1MiB)
Downloading jaxlib (81.5MiB)
   Building promise==2.3
 Downloaded jaxlib
      Built promise==2.3
warning: Failed to hardlink files; falling back to full copy.
''')
sys.stderr.flush()
time.sleep({seconds})
sys.stderr.write('''{end}''')
sys.exit({code})
"""
_DONE = (
  ' Downloaded tensorflow-cpu\nInstalled 3 packages in 4ms\n + jaxlib==0.10.2\n - promise==2.2\n'
)
_FAILED = 'error: Failed to download `numpy`\n  Caused by: No space left on device\n'
_WARNING = 'warning: Failed to hardlink files; falling back to full copy.\n'


def _run(end, code=0, seconds=0.0):
  script = _SAID.format(end=end, code=code, seconds=seconds)
  bootstrap.run_quietly([sys.executable, '-c', script])


def test_only_what_is_not_about_each_package_is_passed_on(capfd):
  _run(_DONE)
  assert capfd.readouterr() == ('', _WARNING)


def test_a_failure_is_passed_on_whole(capfd):
  with pytest.raises(subprocess.CalledProcessError):
    _run(_FAILED, code=2)
  assert capfd.readouterr() == ('', _WARNING + _FAILED)


def test_whoever_waits_is_told_what_for(capfd, monkeypatch):
  monkeypatch.setattr(bootstrap, '_SECONDS_BETWEEN_LINES', 0.05)
  _run(_DONE, seconds=0.5)
  assert 'downloading tensorflow-cpu (261.1MiB)' in capfd.readouterr().out.splitlines()
