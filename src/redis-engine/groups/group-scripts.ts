import type { HandoffCommand } from '../../engine/groups.js'
import { compile, rarely, type Script } from '../script.js'
import pieces from '../scripts/_pieces.lua'
import time from '../scripts/_time.lua'
import first from './scripts/_first.lua'
import head from './scripts/_handoff.lua'
import parked from './scripts/_parked.lua'
import trim from './scripts/_trim.lua'
import writes from './scripts/_writes.lua'
import bookmark from './scripts/bookmark.lua'
import claim from './scripts/claim.lua'
import dead from './scripts/dead.lua'
import drop from './scripts/drop.lua'
import groups from './scripts/groups.lua'
import revive from './scripts/revive.lua'
import settle from './scripts/settle.lua'

const reading = [time, head]
const writing = [...reading, pieces, writes]

/**
 * All of them go on while Redis is over `maxmemory`. What is settled lets the stream be trimmed, which is how memory comes back; and what is
 * parked with it is small, and would be lost were the position moved without it.
 */
const sources = {
  claim: { flags: 'allow-oom', parts: [...writing, rarely('waiting_of', parked), claim] },
  settle: {
    flags: 'allow-oom',
    parts: [...writing, first, rarely('forget_event, park_event, trim', parked, trim), settle],
  },
  bookmark: { flags: 'allow-oom', parts: [...writing, first, rarely('trim', trim), bookmark] },
  groups: { flags: 'no-writes', parts: [...reading, first, groups] },
  dead: { flags: 'no-writes', parts: [...reading, parked, dead] },
  revive: { flags: 'allow-oom', parts: [...writing, parked, revive] },
  drop: { flags: 'allow-oom', parts: [...writing, parked, drop] },
}

export function compileHandoffScripts(clock: string): Record<HandoffCommand, Script> {
  return compile(sources, clock)
}
