import type { RoomCommand } from '../../engine/room.js'
import { compile, type Script } from '../script.js'
import packAll from '../scripts/_pack_all.lua'
import pieces from '../scripts/_pieces.lua'
import time from '../scripts/_time.lua'
import moveOn from './scripts/_move_on.lua'
import places from './scripts/_places.lua'
import rights from './scripts/_rights.lua'
import head from './scripts/_room.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import join from './scripts/join.lua'
import leave from './scripts/leave.lua'
import spend from './scripts/spend.lua'
import tend from './scripts/tend.lua'

const moving = [time, head, pieces, rights, moveOn, places]

/** Only what makes a room larger is refused while Redis is over `maxmemory`. */
const sources = {
  create: { flags: '', parts: [time, rights, create] },
  describe: { flags: 'no-writes', parts: [time, rights, describe] },
  join: { flags: '', parts: [time, head, places, join] },
  tend: { flags: 'allow-oom', parts: [...moving, packAll, tend] },
  leave: { flags: 'allow-oom', parts: [...moving, leave] },
  revoke: { flags: 'allow-oom', parts: [...moving, leave] },
  spend: { flags: 'allow-oom', parts: [...moving, spend] },
  control: { flags: 'allow-oom', parts: [time, head, pieces, rights, moveOn, control] },
}

export function compileRoomScripts(clock: string): Record<RoomCommand, Script> {
  return compile(sources, clock)
}
