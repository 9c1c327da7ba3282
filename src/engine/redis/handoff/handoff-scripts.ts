import type { HandoffCommand } from '../../handoff.js'
import { compile, type Script } from '../script.js'
import head from './scripts/_handoff.lua'
import trim from './scripts/_trim.lua'
import bookmark from './scripts/bookmark.lua'
import claim from './scripts/claim.lua'
import dead from './scripts/dead.lua'
import drop from './scripts/drop.lua'
import groups from './scripts/groups.lua'
import revive from './scripts/revive.lua'
import settle from './scripts/settle.lua'

/**
 * All of them go on while Redis is over `maxmemory`. What is settled lets the stream be trimmed, which is how memory comes back; and what is
 * parked with it is small, and would be lost were the position moved without it.
 */
const sources = {
  claim: { flags: 'allow-oom', parts: [head, claim] },
  settle: { flags: 'allow-oom', parts: [head, trim, settle] },
  bookmark: { flags: 'allow-oom', parts: [head, trim, bookmark] },
  groups: { flags: 'no-writes', parts: [head, trim, groups] },
  dead: { flags: 'no-writes', parts: [head, dead] },
  revive: { flags: 'allow-oom', parts: [head, revive] },
  drop: { flags: 'allow-oom', parts: [head, drop] },
}

export function compileHandoffScripts(time: string): Record<HandoffCommand, Script> {
  return compile(sources, time)
}
