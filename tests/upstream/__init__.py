"""A process of ours that speaks OpenAI's protocols, steered by what the user's message says.

`POST /v1/chat/completions`, `POST /v1/responses` (both with `stream` true or false) and
`GET /v1/models` answer as OpenAI's API does. Without directives the answer is
`turn N: <text of the last user message>`, where N counts the user messages in the input. The
last user message may hold directives, of which an unknown one is a 400:

    [[say: text]]                 a message with this text
    [[tokens: 200]]               a message of the words w0 w1 … w199
    [[refusal: text]]             a refusal
    [[tool: name {"a": 1}]]       a tool call; two of them are parallel; a `say` may come before.
                                  Once the outputs are there: `name said: output; …`
    [[then]]                      parts steps: what follows is played when all calls of the step
                                  before have outputs, for tools in a row and for faults after them
    [[finish: length]]            or content_filter

    [[error: 503]]                also 400 401 403 404 429 500; `code=…`, `after=SECONDS`
    [[cut: 3]]                    the connection drops after 3 deltas (0: before the first; head:
                                  without a response; `3 clean`: the body ends in order, too early)
    [[stall: 3]]                  silence after 3 deltas until the client leaves; also head
    [[hold: 3]]                   silence after 3 deltas until `POST /_release`; also head
    [[errorevent]]                an error in the stream after 1 delta; for Responses also `nested`
                                  and `failed`
    [[nonsense: html]]            or badjson, empty, wrongshape
    [[echo: json status=401]]     a failure that repeats the request with its key: also text html
                                  headers reason redirect badjson chunk fields

    [[split]] [[keepalive]] [[crlf]] [[pace: MS]]     how a stream's bytes are laid out

    [[crash: STEP]]               means the server's own process, in tests/chaos; nothing here

Any fault takes `times=N`: it strikes for the first N requests with that message only. Faults
count all deltas, those of tool arguments too. Without `stream`, a numbered fault strikes in the
middle of the JSON body. As the API does, the upstream refuses an input with an unanswered tool
call, and cuts an answer off at the request's token limit.

`GET /_requests` lists what was asked (`DELETE` forgets it), `GET /_stats` counts requests,
disconnects, active and held ones; `/_stats?disconnects=1&active=0` waits for just that, and is
409 when it has not come within five seconds.
"""

from __future__ import annotations

from tests.upstream.app import JOURNAL, create_upstream, serving
from tests.upstream.journal import Journal

__all__ = ["JOURNAL", "Journal", "create_upstream", "serving"]
