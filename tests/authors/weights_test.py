"""Checkpoints of PyTorch in the forms in which they occur: read, or refused with one sentence."""

import os
import pathlib

import numpy as np
import pytest

from gmn_jax import authors
from mese_env.errors import UserError

# Written by PyTorch 2 (`make_torch_files.py`); all hold these weights, most among other things.
FILES = pathlib.Path(__file__).parent / 'torch_files'
WEIGHTS = {
  'convdraw.gates.weight': np.arange(6, dtype=np.float32).reshape(2, 3) - 1.5,
  'convdraw.gates.bias': np.arange(2, dtype=np.float32) - 1.5,
  'repnets.0.weight': np.arange(4, dtype=np.float32).reshape(2, 2) - 1.5,
  'scale': np.float64(0.5),
}
FORMS = ['weights', 'namespace', 'nested', 'average', 'module', 'harmful']
PREFIXED = ['prefixed', 'parallel']


def assert_read(path, prefix=''):
  read = authors.read_state_dict(path)
  assert set(read) == {prefix + name for name in WEIGHTS}
  for name, weight in WEIGHTS.items():
    np.testing.assert_array_equal(read[prefix + name], weight)
    assert read[prefix + name].dtype == weight.dtype


@pytest.mark.parametrize('format', ['', '_legacy'])
@pytest.mark.parametrize('form', [*FORMS, *PREFIXED])
def test_weights_are_found_whatever_is_around_them(form, format):
  assert_read(FILES / f'{form}{format}.pt', 'module.' * (form in PREFIXED))


def test_a_path_may_be_a_string():
  assert_read(str(FILES / 'weights.pt'))


@pytest.mark.parametrize('format', ['', '_legacy'])
def test_nothing_that_is_pickled_is_run(format, tmp_path, monkeypatch):
  monkeypatch.setenv('HARMED', str(tmp_path / 'harmed'))
  authors.read_state_dict(FILES / f'harmful{format}.pt')
  assert not os.listdir(tmp_path)


@pytest.mark.parametrize('format', ['', '_legacy'])
def test_parts_of_other_tensors_and_other_types_are_read(format):
  read = authors.read_state_dict(FILES / f'views{format}.pt')
  np.testing.assert_array_equal(read['half'], np.arange(3, 9).reshape(2, 3).T)
  np.testing.assert_array_equal(read['bfloat16'].astype(np.float32), np.arange(0, 12, 2))
  np.testing.assert_array_equal(read['long'], np.arange(12))
  assert read['empty'].shape == (0, 3)
  assert [str(array.dtype) for array in read.values()] == [
    'float16',
    'bfloat16',
    'int64',
    'float32',
  ]


SAVE = r"torch.save\(model.state_dict\(\), 'weights.pt'\)"
REFUSED = {
  'pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n', 'lfs pull'),
  'page': (b'\n<!DOCTYPE html><html>', 'is a web page, .* download the file'),
  'empty': (b'', 'is empty; copy it again'),
  'text': (b'step,loss\n', f'is not a file that torch.save wrote; .*{SAVE}'),
  'zip': (b'PK\x05\x06' + 18 * b'\0', f'is not a file that torch.save wrote; .*{SAVE}'),
  'pickle': (b'\x80\x02K\x01.', f'is not a file that torch.save wrote; .*{SAVE}'),
  'garbage': (b'\x80\x02' + bytes(range(40, 200)), f'cannot be read .*{SAVE}'),
}


@pytest.mark.parametrize('what', REFUSED)
def test_what_holds_no_weights_is_refused_with_what_to_do(what, tmp_path):
  content, sentence = REFUSED[what]
  path = tmp_path / 'old.pt'
  path.write_bytes(content)
  with pytest.raises(UserError, match=f'old.pt .*{sentence}') as refused:
    authors.read_state_dict(path)
  assert '\n' not in str(refused.value)


@pytest.mark.parametrize(
  ('name', 'sentence'),
  [
    ('list.pt', f'holds a list of 3 and no weights by name; .*{SAVE}'),
    ('script.pt', f'is a TorchScript program; .*{SAVE}'),
    ('several.pt', r'holds 2 sets of 4 weights \(ema, best\); save the one you want alone'),
    ('', 'is a folder; give the path of the .pt file'),
    ('missing.pt', 'there is no file .*missing.pt'),
  ],
)
def test_other_forms_are_refused_with_what_to_do(name, sentence):
  with pytest.raises(UserError, match=sentence):
    authors.read_state_dict(FILES / name)


@pytest.mark.parametrize('name', ['namespace.pt', 'namespace_legacy.pt'])
def test_a_file_that_is_cut_short_anywhere_is_refused(name, tmp_path):
  content = (FILES / name).read_bytes()
  path = tmp_path / name
  for length in [*range(0, len(content), 17), len(content) - 1]:
    path.write_bytes(content[:length])
    with pytest.raises(UserError, match=name):
      authors.read_state_dict(path)


def test_a_flipped_bit_is_named_or_harmless(tmp_path):
  content = bytearray((FILES / 'weights.pt').read_bytes())
  path = tmp_path / 'weights.pt'
  named = 0
  for position in range(0, len(content), 5):
    content[position] ^= 1 << position % 8
    path.write_bytes(content)
    try:
      assert_read(path)
    except UserError:
      named += 1
    content[position] ^= 1 << position % 8
  assert named > 0
