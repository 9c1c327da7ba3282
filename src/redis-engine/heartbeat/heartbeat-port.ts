import { heartbeatEffects } from '../../engine/effects.js'
import {
  CLAIM_MS,
  CROWDED_MS,
  FORGOTTEN_MS,
  type HeartbeatCommands,
  MAX_ANSWER,
  MAX_BODY,
  MAX_FIGURES,
  MAX_PROCESSES,
  MAX_REQUESTS,
  PROCESSES_AT_ONCE,
  REQUEST_KEPT_MS,
} from '../../engine/heartbeat.js'
import { byLetter, definePort, type Head } from '../define-port.js'
import { noHead, writeTexts } from '../removal/codec.js'
import course from './concerns/course.lua'
import dueRequests from './concerns/due_requests.lua'
import heartbeat from './concerns/heartbeat.lua'
import requestsConcern from './concerns/requests.lua'
import { courseCommands } from './course-commands.js'
import { readDue, readRequest, readRequests } from './request-codec.js'
import answer from './scripts/answer.lua'
import beat from './scripts/beat.lua'
import claim from './scripts/claim.lua'
import finish from './scripts/finish_request.lua'
import leave from './scripts/leave.lua'
import processes from './scripts/processes.lua'
import request from './scripts/request.lua'
import requests from './scripts/requests.lua'

export const heartbeatConcerns = { course, due_requests: dueRequests, heartbeat, requests: requestsConcern }

/** What the processes of a prefix tell each other. */
export const heartbeatPort = definePort<HeartbeatCommands, Head>({
  name: 'heartbeat',
  effects: heartbeatEffects,
  concerns: heartbeatConcerns,
  readHead: noHead,
  commands: {
    ...courseCommands,
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
      decode(ops, from) {
        const letters = String(from.next())
        const due = ops.map(() => readDue(from.next() as unknown[]))
        return byLetter('beat', ops, letters, {
          N: (_, i) => ({ status: 'noted', due: due[i]! }),
          L: (_, i) => ({ status: 'too_large', due: due[i]! }),
          F: (_, i) => ({ status: 'full', due: due[i]! }),
        })
      },
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
    request: {
      script: request,
      opens: true,
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(9)
          to.text(op.id)
          to.text(op.subject)
          to.text(op.body)
          to.integer(op.waitFor)
          to.integer(op.timeoutMs)
          to.integer(op.resumes ? 1 : 0)
          to.integer(MAX_BODY)
          to.integer(MAX_REQUESTS)
          to.integer(REQUEST_KEPT_MS)
        }
      },
      decode(ops, from) {
        const found = ops.map(() => [String(from.next()), from.next()] as const)
        const there = (i: number) => readRequest(found[i]![1] as unknown[])
        return byLetter('request', ops, found.map(([letter]) => letter).join(''), {
          M: () => ({ status: 'made' }),
          J: (_, i) => ({ status: 'joined', request: there(i) }),
          X: (_, i) => ({ status: 'conflict', request: there(i) }),
          F: () => ({ status: 'full' }),
          L: () => ({ status: 'too_large' }),
        })
      },
    },
    answer: {
      script: answer,
      opens: true,
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(8)
          to.text(op.id)
          to.text(op.process)
          to.integer(op.done ? 1 : 0)
          to.integer(op.counts ? 1 : 0)
          to.text(op.text)
          to.integer(MAX_ANSWER)
          to.integer(MAX_PROCESSES)
          to.integer(CLAIM_MS)
        }
      },
      decode: (ops, from) =>
        byLetter('answer', ops, String(from.next()), {
          A: () => ({ status: 'answered' }),
          R: () => ({ status: 'resume' }),
          U: () => ({ status: 'unknown' }),
          F: () => ({ status: 'full' }),
          L: () => ({ status: 'too_large' }),
        }),
    },
    claim: {
      script: claim,
      opens: true,
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(4)
          to.text(op.id)
          to.text(op.process)
          to.integer(op.force ? 1 : 0)
          to.integer(CLAIM_MS)
        }
      },
      decode: (ops, from) =>
        byLetter('claim', ops, String(from.next()), {
          C: () => ({ status: 'claimed' }),
          N: () => ({ status: 'taken' }),
          U: () => ({ status: 'unknown' }),
        }),
    },
    finish: {
      script: finish,
      opens: true,
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(2)
          to.text(op.id)
          to.integer(op.resumed ? 1 : 0)
        }
      },
      decode: (ops, from) =>
        byLetter('finish', ops, String(from.next()), {
          F: () => ({ status: 'finished' }),
          G: () => ({ status: 'forgotten' }),
          U: () => ({ status: 'unknown' }),
        }),
    },
    requests: {
      script: requests,
      opens: true,
      encode: (ops, to) => to.integer(ops.length),
      decode(ops, from) {
        const found = readRequests(from.next() as unknown[][])
        return ops.map(() => ({ status: 'requests', requests: found }))
      },
    },
  },
})
