from assistant.persona import *  # noqa: F403  TEMP
