import { heartbeatEffects } from '../../engine/effects.js'
import {
  CROWDED_MS,
  FORGOTTEN_MS,
  type HeartbeatCommands,
  MAX_FIGURES,
  MAX_PROCESSES,
  PROCESSES_AT_ONCE,
} from '../../engine/heartbeat.js'
import { byLetter, definePort, type Head } from '../define-port.js'
import { noHead, writeTexts } from '../removal/codec.js'
import heartbeat from './concerns/heartbeat.lua'
import beat from './scripts/beat.lua'
import leave from './scripts/leave.lua'
import processes from './scripts/processes.lua'

export const heartbeatConcerns = { heartbeat }

/** What the processes of a prefix tell each other. */
export const heartbeatPort = definePort<HeartbeatCommands, Head>({
  name: 'heartbeat',
  effects: heartbeatEffects,
  concerns: heartbeatConcerns,
  readHead: noHead,
  commands: {
    beat: {
      script: beat,
      opens: true,
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(7)
          to.text(op.process)
          to.text(op.figures)
          to.integer(MAX_FIGURES)
          to.integer(MAX_PROCESSES)
          to.integer(FORGOTTEN_MS)
          to.integer(CROWDED_MS)
          to.integer(PROCESSES_AT_ONCE)
        }
      },
      decode: (ops, from) =>
        byLetter('beat', ops, String(from.next()), {
          N: () => ({ status: 'noted' }),
          L: () => ({ status: 'too_large' }),
          F: () => ({ status: 'full' }),
        }),
    },
    leave: {
      script: leave,
      opens: true,
      flags: 'allow-oom',
      encode: (ops, to) =>
        writeTexts(
          ops.map(({ process }) => process),
          to,
        ),
      decode: (ops, from) => byLetter('leave', ops, String(from.next()), { L: () => ({ status: 'left' }) }),
    },
    processes: {
      script: processes,
      opens: true,
      encode: (ops, to) => to.integer(ops.length),
      decode(ops, from) {
        const [seen, figures] = [from.next() as Buffer[], from.next() as Buffer[]]
        const listed = figures.map((text, i) => ({
          process: String(seen[2 * i]),
          seenAt: Number(seen[2 * i + 1]),
          figures: String(text),
        }))
        return ops.map(() => ({ status: 'listed', processes: listed }))
      },
    },
  },
})
