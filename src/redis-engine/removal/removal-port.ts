import { removalEffects, roomRemovalEffects } from '../../engine/effects.js'
import type { SaleState } from '../../engine/engine.js'
import type { ListedRoomState, RemovalCommands, RoomRemovalCommands } from '../../engine/removal.js'
import { byLetter, type Details, definePort, type Head } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import { noHead, readInspected, writeAttempts, writeTexts } from './codec.js'
import removal from './concerns/removal.lua'
import saleState from './concerns/sale_state.lua'
import erase from './scripts/erase.lua'
import inspect from './scripts/inspect.lua'
import inspectRoom from './scripts/inspect_room.lua'
import seal from './scripts/seal.lua'
import unseal from './scripts/unseal.lua'

const concerns = { removal, sale_state: saleState }
const stateOfLetter: Readonly<Record<string, SaleState>> = {
  O: 'open',
  N: 'not_started',
  P: 'paused',
  E: 'ended',
}
const roomStateOfLetter: Readonly<Record<string, ListedRoomState>> = {
  N: 'not_open',
  O: 'open',
  P: 'paused',
  S: 'sold_out',
  E: 'ended',
}

const NOTHING = { status: 'nothing' } as const

function writeCount(ops: readonly unknown[], to: Writer): void {
  to.integer(ops.length)
}

const eraseDefinition = {
  script: erase,
  opens: true,
  flags: 'allow-oom',
  encode: (ops: readonly { readonly incarnation: string }[], to: Writer) =>
    writeTexts(
      ops.map(({ incarnation }) => incarnation),
      to,
    ),
  decode: (ops: readonly object[], from: Details) =>
    byLetter<object, RemovalCommands['erase']['answer']>('erase', ops, String(from.next()), {
      E: () => ({ status: 'erased' }),
      M: () => ({ status: 'gone' }),
    }),
} as const

/** The commands that remove a partition. */
export const removalPort = definePort<RemovalCommands, Head>({
  name: 'removal',
  effects: removalEffects,
  concerns,
  readHead: noHead,
  commands: {
    inspect: {
      script: inspect,
      opens: true,
      encode: writeCount,
      decode(ops, from) {
        const found = readInspected(from, stateOfLetter)
        if (!found) return ops.map(() => NOTHING)
        const [changedAt, attempt] = [Number(from.next()), Number(from.next())]
        const [sealed, frozen] = [from.next() === 1, from.next() === 1]
        const answer = { ...found, changedAt, attempt, sealed, frozen }
        return ops.map(() => answer)
      },
    },
    seal: {
      script: seal,
      opens: true,
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const { incarnation, attempt, force, dry } of ops) {
          to.array(4)
          to.text(incarnation)
          to.integer(attempt)
          to.integer(force ? 1 : 0)
          to.integer(dry ? 1 : 0)
        }
      },
      decode: (ops, from) =>
        byLetter('seal', ops, String(from.next()), {
          S: () => ({ status: 'sealed' }),
          N: () => ({ status: 'not_ended' }),
          U: () => ({ status: 'in_use' }),
          O: () => ({ status: 'superseded' }),
          F: () => ({ status: 'frozen' }),
          M: () => ({ status: 'gone' }),
        }),
    },
    unseal: {
      script: unseal,
      opens: true,
      flags: 'allow-oom',
      encode: writeAttempts,
      decode: (ops, from) =>
        byLetter('unseal', ops, String(from.next()), {
          U: () => ({ status: 'unsealed' }),
          M: () => ({ status: 'gone' }),
        }),
    },
    erase: eraseDefinition,
  },
})

/** The commands that remove a waiting room. */
export const roomRemovalPort = definePort<RoomRemovalCommands, Head>({
  name: 'room_removal',
  effects: roomRemovalEffects,
  concerns,
  readHead: noHead,
  commands: {
    inspect: {
      script: inspectRoom,
      opens: true,
      encode: writeCount,
      decode(ops, from) {
        const found = readInspected(from, roomStateOfLetter) ?? NOTHING
        return ops.map(() => found)
      },
    },
    erase: eraseDefinition,
  },
})
