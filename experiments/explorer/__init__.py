"""The explorer: a page to look at an object and touch it, and to see the belief change.

In the order in which data flows: `ways` and `state` (what a visitor chose), `address` and
`code_lines` (the same as a link and as Python), `things` and `studio` (the truth, and what a model
makes of it), `hull`, `hands`, `pictures`, `touch_bars` and `words` (how it is drawn and told),
`scene`, `panel`, `link` and `browser` (one page), `session` (one visitor), `server`, `record` and
`command` (what `gmn explore` does). Viser is loaded by `server` and `link` alone.
"""
