"""The address of a browser's page: read when it opens, and kept as the state changes.

Viser has no words for it: a script, which viser runs for its plots, writes the address, and types
the one that the page was opened with into a text field that is hidden.
"""

import json
from collections.abc import Callable
from typing import Any

from experiments.explorer.address import KEYS

_LABEL = 'address'
_READ = """
const opened = window.location.search;
const waiting = setInterval(() => {
  const label = [...document.querySelectorAll('label')].find((one) => one.textContent === LABEL);
  if (!label) return;
  clearInterval(waiting);
  const field = label.parentElement.parentElement.parentElement;
  const input = field.querySelector('input');
  field.parentElement.style.display = 'none';
  document.title = 'gmn explore';
  if (opened.length < 2) return;
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  set.call(input, opened);
  input.dispatchEvent(new Event('input', {bubbles: true}));
}, 50);
setTimeout(() => clearInterval(waiting), 20000);
"""
_WRITE = """
const kept = window.location.search.slice(1).split('&').filter(
  (part) => part && !KEYS.includes(part.split('=')[0]));
window.history.replaceState(null, '', '?' + [WRITTEN, ...kept].join('&'));
"""


class Link:
  """The address of one page.

  Args:
    client: viser's handle of the browser.
  """

  def __init__(self, client: Any):
    self._client = client
    self._field = client.gui.add_text(_LABEL, '')
    # Ahead of all that is written.
    self._run(_READ.replace('LABEL', json.dumps(_LABEL)))

  def on_open(self, follow: Callable[[str], None]) -> None:
    """Calls `follow` with what follows the question mark, if the page was opened with that."""
    self._field.on_update(lambda _: follow(self._field.value))
    if self._field.value:
      follow(self._field.value)

  def write(self, text: str) -> None:
    """Puts a state's address into the browser's."""
    self._run(_WRITE.replace('KEYS', json.dumps(KEYS)).replace('WRITTEN', json.dumps(text)))

  def _run(self, script: str) -> None:
    from viser import _messages

    connection = self._client._websock_connection
    connection.queue_message(_messages.RunJavascriptMessage(source=script))
