import { roomEffects } from '../../engine/effects.js'
import type { RoomCommand } from '../../engine/room.js'
import { assembleAll, compile, type Script } from '../script.js'
import acl from './concerns/acl.lua'
import admission from './concerns/admission.lua'
import draw from './concerns/draw.lua'
import moveOn from './concerns/move_on.lua'
import room from './concerns/room.lua'
import tokenBucket from './concerns/token_bucket.lua'
import visitors from './concerns/visitors.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import join from './scripts/join.lua'
import leave from './scripts/leave.lua'
import spend from './scripts/spend.lua'
import tend from './scripts/tend.lua'

/** What these scripts include, by the names of the files. */
export const roomConcerns = {
  acl,
  admission,
  draw,
  move_on: moveOn,
  room,
  token_bucket: tokenBucket,
  visitors,
}

/** Only what makes a room larger is refused while Redis is over `maxmemory`. */
const texts = assembleAll<RoomCommand>(
  {
    create: { lua: create },
    describe: { lua: describe },
    join: { lua: join },
    tend: { flags: 'allow-oom', lua: tend },
    leave: { flags: 'allow-oom', lua: leave },
    revoke: { flags: 'allow-oom', lua: leave },
    spend: { flags: 'allow-oom', lua: spend },
    control: { flags: 'allow-oom', lua: control },
  },
  roomConcerns,
)

export function compileRoomScripts(clock: string): Record<RoomCommand, Script> {
  return compile(texts, roomEffects, clock)
}
