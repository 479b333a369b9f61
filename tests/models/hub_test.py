"""Models of the hub of Hugging Face, of which there is one here, on loopback."""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import pytest

import gmn_jax
from gmn_jax.models import Model
from gmn_jax.training import exported
from mese_env import installing
from mese_env.errors import UserError
from tests import tiny_run

ROOT = pathlib.Path(__file__).parents[2]
COMMIT = 'c0ffee' + 34 * '0'
USE = """
import sys
import gmn_jax
from mese_env.errors import UserError

for line in sys.stdin:
  verb, name, *rest = line.split()
  try:
    if verb == 'push':
      print(gmn_jax.load(rest[0]).push(name))
    else:
      model = gmn_jax.load(name, *rest)
      model.save('loaded')
      print(model)
  except UserError as error:
    print('error:', error)
"""


def _word(content):
  return hashlib.sha1(content).hexdigest()


class _Hub(http.server.BaseHTTPRequestHandler):
  """Answers as the hub does, of the files that were committed; one token may write."""

  files: dict[str, dict[str, bytes]]

  def do_POST(self):
    body = self.rfile.read(int(self.headers['Content-Length'] or 0)).decode()
    place = f'http://{self.headers["Host"]}'
    if self.path == '/api/validate-yaml':
      return self._answer({'errors': [], 'warnings': []})
    if self.headers.get('Authorization') != 'Bearer hf_writer':
      return self._answer({'error': 'who are you?'}, 401)
    if self.path == '/api/repos/create':
      asked = json.loads(body)
      name = f'{asked.get("organization", "me")}/{asked["name"]}'
      self.files.setdefault(name, {})
      return self._answer({'url': f'{place}/{name}', 'id': name, 'name': name})
    name = re.match(r'/api/models/([^/]+/[^/]+)/', self.path)[1]
    if '/preupload/' in self.path:
      kept = [{'path': file['path'], 'uploadMode': 'regular', 'shouldIgnore': False, 'oid': None}
              for file in json.loads(body)['files']]  # fmt: skip
      return self._answer({'files': kept})
    for line in map(json.loads, body.splitlines()):
      if line['key'] == 'file':
        self.files[name][line['value']['path']] = base64.b64decode(line['value']['content'])
    url = f'{place}/{name}/commit/{COMMIT}'
    return self._answer({'success': True, 'commitOid': COMMIT, 'commitUrl': url})

  def do_GET(self):
    if of := re.fullmatch(r'/api/models/([^/]+/[^/]+)(/revision/(\w+))?', self.path.split('?')[0]):
      if of[1] not in self.files:
        return self._answer({'error': 'no such model'}, 401, 'RepoNotFound')
      if of[3] not in (None, 'main', COMMIT):
        return self._answer({'error': 'no such revision'}, 404, 'RevisionNotFound')
      siblings = [{'rfilename': file} for file in self.files[of[1]]]
      return self._answer({'_id': '1', 'id': of[1], 'sha': COMMIT, 'siblings': siblings})
    if of := re.match(r'/api/models/([^/]+/[^/]+)/tree/', self.path):
      tree = [
        {'type': 'file', 'path': file, 'size': len(content), 'oid': _word(content)}
        for file, content in self.files[of[1]].items()
      ]
      return self._answer(tree)
    of = re.fullmatch(r'/([^/]+/[^/]+)/resolve/\w+/(.+)', self.path)
    if not of:
      return self._answer({'error': 'no such page'}, 404)
    content = self.files[of[1]][of[2]]
    headers = {'ETag': f'"{_word(content)}"', 'X-Repo-Commit': COMMIT}
    return self._send(200, content, headers)

  do_HEAD = do_GET

  def _answer(self, record, status=200, code=''):
    headers = {'Content-Type': 'application/json', **({'X-Error-Code': code} if code else {})}
    self._send(status, json.dumps(record).encode(), headers)

  def _send(self, status, content, headers):
    self.send_response(status)
    for name, value in {**headers, 'Content-Length': str(len(content))}.items():
      self.send_header(name, value)
    self.end_headers()
    if self.command != 'HEAD':
      self.wfile.write(content)

  def log_message(self, *args):
    pass


@pytest.fixture
def hub():
  """The files of each model, and the address."""
  handler = type('Hub', (_Hub,), {'files': {}})
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
  thread = threading.Thread(target=server.serve_forever)
  thread.start()
  yield handler.files, f'http://127.0.0.1:{server.server_port}'
  server.shutdown()
  thread.join()
  server.server_close()


@pytest.fixture
def use(tmp_path):
  """Runs lines of a user of the hub in a process of its own; returns what each printed."""

  def run(address, *lines, token='hf_writer'):
    environment = os.environ | {
      'PYTHONPATH': str(ROOT),
      'HF_ENDPOINT': address,
      'HF_HOME': str(tmp_path / 'cache'),
      'HF_TOKEN': token,
      'HF_HUB_DISABLE_PROGRESS_BARS': '1',
    }
    done = subprocess.run(
      [sys.executable, '-c', USE],
      cwd=tmp_path,
      env=environment,
      input='\n'.join(lines),
      capture_output=True,
      text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()

  return run


@pytest.mark.long
def test_a_model_is_pushed_and_loaded_again_with_and_without_the_network(hub, use, tmp_path):
  pytest.importorskip('huggingface_hub')
  files, address = hub
  Model(tiny_run.random_run(), {'validation': {'elbo': 1.0}}).save(tmp_path / 'mine')
  files['me/other'] = {'config.txt': b'{}'}
  pushed, loaded, other, nobody, revision, name = use(
    address,
    'push me/model mine',
    'load me/model main',
    'load me/other',
    'load me/nobody',
    'load me/model v7',
    'load me/mo..del',
  )
  assert pushed == f'{address}/me/model'
  assert loaded == 'Model(apoe, m2 (rgb, haptic), small, step 0)'
  for name_of_file in (exported.CONFIG, exported.WEIGHTS, exported.METRICS):
    content = (tmp_path / 'mine' / name_of_file).read_bytes()
    assert files['me/model'][name_of_file] == content
    assert (tmp_path / 'loaded' / name_of_file).read_bytes() == content
  assert b"gmn_jax.load('me/model')" in files['me/model'][exported.CARD]
  assert "'me/other' of the hub was not saved by gmn_jax: it has no config.json" in other
  assert "there is no folder me/nobody, and the model 'me/nobody' of the hub is not there" in nobody
  assert "'me/model' at 'v7' of the hub is not there, though the model is" in revision
  assert 'write it as in org/name' in name
  (refused,) = use(address, 'push me/model mine', token='hf_reader')
  assert "the model 'me/model' is refused by the hub" in refused and '`hf auth login`' in refused
  # Nothing listens there.
  (tmp_path / 'loaded').rename(tmp_path / 'former')
  cached, unknown, push = use(
    'http://127.0.0.1:9', 'load me/model', 'load me/unknown', 'push me/model mine'
  )
  assert cached == loaded
  for said in (unknown, push):
    assert 'cannot be reached' in said and 'see to the connection' in said


@pytest.mark.long
def test_damage_on_the_way_is_named(hub, use, tmp_path):
  pytest.importorskip('huggingface_hub')
  files, address = hub
  Model(tiny_run.random_run()).save(tmp_path / 'mine')
  files['me/model'] = {name: (tmp_path / 'mine' / name).read_bytes() for name in exported.FILES}
  files['me/model'][exported.WEIGHTS] = files['me/model'][exported.WEIGHTS][:-1] + b'\1'
  (said,) = use(address, 'load me/model')
  assert 'is damaged (model.safetensors is not what was written)' in said


@pytest.mark.parametrize(
  'ask',
  [lambda: gmn_jax.load('me/model'), lambda: Model(tiny_run.random_run()).push('me/model')],
  ids=['load', 'push'],
)
def test_without_the_extra_it_says_what_to_install(monkeypatch, ask):
  monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
  with pytest.raises(
    UserError, match=re.escape(f'`{installing.command("hub")}` installs it')
  ) as refused:
    ask()
  assert '\n' not in str(refused.value)
