"""Makes an environment from `uv.lock` with nothing but Python's standard library.

`make` runs it, as `python3 bootstrap.py FOLDER EXTRA...`. A bare Debian or Ubuntu has neither uv
nor pip, and its `venv` cannot install pip (`ensurepip` is a package of its own), so the uv that the
lock pins is fetched from the package index, checked against the lock's hash, and left to do the
rest. A mirror named by PIP_INDEX_URL or UV_DEFAULT_INDEX is used for uv and for everything else:
the lock's hashes hold for it too.
"""

import hashlib
import html.parser
import os
import pathlib
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

_ROOT = pathlib.Path(__file__).resolve().parent
_SECONDS_BETWEEN_LINES = 60
# With what a line of uv begins that counts packages, or is about one of more than a hundred.
_DETAILS = {
  '+', '-', '~', 'Audited', 'Building', 'Built', 'Downloaded', 'Downloading', 'Installed',
  'Prepared', 'Resolved', 'Uninstalled', 'Using',
}  # fmt: skip


class _Links(html.parser.HTMLParser):
  """Collects the addresses of an index page's links."""

  def __init__(self):
    super().__init__()
    self.addresses = []

  def handle_starttag(self, tag, attrs):
    if tag == 'a':
      self.addresses.append(dict(attrs).get('href', ''))


def main(name, *extras):
  """Fetches the locked uv, then installs the locked packages and this project.

  Args:
    name: of the environment's folder, in the project's.
    *extras: of pyproject.toml, that are installed too.
  """
  if sys.version_info < (3, 11):  # noqa: UP036 - an older Python must get as far as this sentence.
    sys.exit(
      f'error: {sys.executable} is Python {platform.python_version()}, not 3.11 or newer: '
      'name one, as in `make test PYTHON=python3.12`.'
    )
  venv = _ROOT / name
  environment = dict(os.environ, VIRTUAL_ENV=str(venv))
  # The system's certificates are those that fetched uv; its own do not know an institution's proxy.
  environment.setdefault('UV_SYSTEM_CERTS', 'true')
  mirror = environment.get('UV_DEFAULT_INDEX') or environment.get('PIP_INDEX_URL')
  if mirror:
    environment['UV_DEFAULT_INDEX'] = mirror
  with tempfile.TemporaryDirectory() as folder:
    uv = _fetch_uv(pathlib.Path(folder), mirror)

    def run(*arguments):
      run_quietly([uv, *arguments], cwd=_ROOT, env=environment)

    large = 'tfds' in extras
    print(
      f'making {name} for Python {platform.python_version()}: about {0.8 if large else 0.4} GB to '
      f'download and {3.0 if large else 1.4} GB on disk, a minute or two where the network is fast',
      flush=True,
    )
    began = time.monotonic()
    run('venv', '--quiet', '--allow-existing', '--python', sys.executable, str(venv))
    # An export keeps hashes and drops addresses, which is what lets a mirror serve the packages.
    locked = pathlib.Path(folder) / 'requirements.txt'
    wanted = [argument for extra in extras for argument in ('--extra', extra)]
    run('export', '--quiet', '--frozen', '--no-emit-project', *wanted, '--output-file', str(locked))
    run('pip', 'install', '--require-hashes', '--requirements', str(locked))
    run('pip', 'install', '--no-deps', '--editable', '.')
  print(f'made {name} in {time.monotonic() - began:.0f} s, {_gigabytes(venv):.1f} GB', flush=True)


def run_quietly(command, **process):
  """Runs a command of uv, and passes on of what it says only what is not about each package.

  Whoever waits for long is told what for, in a line now and then.

  Args:
    command: the command line.
    process: how to start it, as `subprocess.Popen` takes it.

  Raises:
    subprocess.CalledProcessError: it failed; the reason was passed on.
  """
  waiting, ended = {}, threading.Event()

  def tell():
    while not ended.wait(_SECONDS_BETWEEN_LINES):
      if names := list(waiting):
        more = f' and {len(names) - 3} more' if len(names) > 3 else ''
        what = ', '.join(f'{name} {waiting.get(name, "")}' for name in names[:3])
        print(f'downloading {what}{more}', flush=True)

  teller = threading.Thread(target=tell, daemon=True)
  teller.start()
  try:
    pipe = {'stderr': subprocess.PIPE, 'text': True, 'errors': 'replace'}
    with subprocess.Popen(command, **pipe, **process) as running:
      for line in running.stderr:
        word, *rest = line.split() or ['']
        if word == 'Downloading':
          waiting[rest[0]] = rest[-1]
        elif word == 'Downloaded':
          waiting.pop(rest[0], None)
        if word not in _DETAILS:
          print(line, end='', file=sys.stderr, flush=True)
  finally:
    ended.set()
    teller.join()
  if running.returncode:
    raise subprocess.CalledProcessError(running.returncode, command)


def _gigabytes(folder):
  """What the files in a folder take."""
  return sum(path.lstat().st_size for path in folder.rglob('*') if not path.is_dir()) / 1e9


def _fetch_uv(folder, mirror):
  """Returns the path of a uv executable in `folder`, its wheel checked against the lock."""
  import tomllib  # Newer than the oldest Python that must be able to read this file.

  lock = tomllib.loads((_ROOT / 'uv.lock').read_text())
  wheels = next(package['wheels'] for package in lock['package'] if package['name'] == 'uv')
  system = {'Linux': 'manylinux', 'Darwin': 'macosx'}.get(platform.system(), platform.system())
  machine = platform.machine()
  wheel = next((w for w in wheels if system in w['url'] and machine in w['url']), None)
  if wheel is None:
    sys.exit(f'error: uv.lock has no uv for {platform.system()} on {machine}: use Linux or macOS.')
  address = _on_mirror(mirror, wheel['url']) if mirror else wheel['url']
  archive = folder / 'uv.whl'
  archive.write_bytes(_download(address))
  if 'sha256:' + hashlib.sha256(archive.read_bytes()).hexdigest() != wheel['hash']:
    sys.exit(f'error: {address} is not the file that uv.lock names: check the package index.')
  uv = folder / 'uv'
  with zipfile.ZipFile(archive) as files:
    member = next(name for name in files.namelist() if name.endswith('/scripts/uv'))
    with files.open(member) as source, uv.open('wb') as target:
      shutil.copyfileobj(source, target)
  uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
  return str(uv)


def _on_mirror(mirror, address):
  """Returns where the index at `mirror` keeps the file that the lock has at `address`."""
  page = mirror.rstrip('/') + '/uv/'
  links = _Links()
  links.feed(_download(page).decode())
  name = address.rsplit('/', 1)[1]
  for link in links.addresses:
    if urllib.parse.urlsplit(link).path.endswith('/' + name):
      return urllib.parse.urljoin(page, link)
  sys.exit(f'error: {page} lists no {name}: unset PIP_INDEX_URL and UV_DEFAULT_INDEX.')


def _download(address):
  """Returns the bytes at `address`; ends the program with a sentence where that fails."""
  try:
    with urllib.request.urlopen(address, timeout=120) as response:
      return response.read()
  except (urllib.error.URLError, OSError) as error:
    sys.exit(
      f'error: cannot fetch {address} ({error}): check the network, and that ca-certificates is '
      'installed.'
    )


if __name__ == '__main__':
  if len(sys.argv) == 1:
    sys.exit('error: no folder is named; run `make .venv/.installed`, which names it and extras.')
  try:
    main(*sys.argv[1:])
  except subprocess.CalledProcessError as failure:
    sys.exit(f'error: `uv {failure.cmd[1]}` failed, for the reason it gives above.')
