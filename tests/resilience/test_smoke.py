from tests import processes
from tests.conftest import DATA
import aiohttp,time
from tests.client import *
async def test_it(tmp_path, upstream):
    t=time.time()
    async with processes.server(tmp_path/"a",AGENTS_DIR=DATA/"agents",DEFAULT_PERSONA="talker",MODEL_PROVIDER="openai",OPENAI_BASE_URL=upstream,OPENAI_API="chat") as s, aiohttp.ClientSession(s.url) as http:
        print("start",time.time()-t)
        found=await chat(http,"[[tokens: 200]] [[pace: 15]]")
        print(len(found), found[0].raw, found[3].raw, found[-1].raw[-300:])
        print(s.log.read_text()[-3000:])
        t=time.time()
    print("stop",time.time()-t)
