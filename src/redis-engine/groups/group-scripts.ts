import { groupEffects } from '../../engine/effects.js'
import type { GroupCommand } from '../../engine/groups.js'
import { assembleAll, compile, type Script } from '../script.js'
import consumerGroups from './concerns/consumer_groups.lua'
import groupChanges from './concerns/group_changes.lua'
import parkedEvents from './concerns/parked_events.lua'
import streamTrim from './concerns/stream_trim.lua'
import acknowledge from './scripts/acknowledge.lua'
import checkpoint from './scripts/checkpoint.lua'
import claim from './scripts/claim.lua'
import dead from './scripts/dead.lua'
import drop from './scripts/drop.lua'
import groups from './scripts/groups.lua'
import revive from './scripts/revive.lua'

/** What these scripts include, by the names of the files. */
export const groupConcerns = {
  consumer_groups: consumerGroups,
  group_changes: groupChanges,
  parked_events: parkedEvents,
  stream_trim: streamTrim,
}

/**
 * All of them go on while Redis is over `maxmemory`. What is acknowledged lets the stream be trimmed, which is how memory comes back; and what is
 * parked with it is small, and would be lost were the position moved without it.
 */
const texts = assembleAll<GroupCommand>(
  {
    claim: { flags: 'allow-oom', lua: claim },
    acknowledge: { flags: 'allow-oom', lua: acknowledge },
    checkpoint: { flags: 'allow-oom', lua: checkpoint },
    groups: { lua: groups },
    dead: { lua: dead },
    revive: { flags: 'allow-oom', lua: revive },
    drop: { flags: 'allow-oom', lua: drop },
  },
  groupConcerns,
)

export function compileGroupScripts(clock: string): Record<GroupCommand, Script> {
  return compile(texts, groupEffects, clock)
}
