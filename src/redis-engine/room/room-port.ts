import { roomEffects } from '../../engine/effects.js'
import type { RoomAnswer, RoomCommand, RoomCommands, RoomOp } from '../../engine/room.js'
import { byCreation, byLetter, type Codec, definePort, type Head, iterate, RETRY } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import { writeColumn } from '../sale/record-codec.js'
import acl from './concerns/acl.lua'
import admission from './concerns/admission.lua'
import draw from './concerns/draw.lua'
import eachVisit from './concerns/each_visit.lua'
import moveOn from './concerns/move_on.lua'
import room from './concerns/room.lua'
import tiers from './concerns/tiers.lua'
import tokenBucket from './concerns/token_bucket.lua'
import visitors from './concerns/visitors.lua'
import visits from './concerns/visits.lua'
import { readAll, readChunks, readState, readTiers, readVisits, writeStock } from './room-state-codec.js'
import block from './scripts/block.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import join from './scripts/join.lua'
import leave from './scripts/leave.lua'
import spend from './scripts/spend.lua'
import tend from './scripts/tend.lua'
import transfer from './scripts/transfer.lua'
import update from './scripts/update.lua'

/** The texts that these scripts can include, by file name. */
export const roomConcerns = {
  acl,
  admission,
  draw,
  each_visit: eachVisit,
  move_on: moveOn,
  room,
  tiers,
  token_bucket: tokenBucket,
  visitors,
  visits,
}

function writeTiers(names: readonly string[], to: Writer): void {
  to.array(names.length)
  for (const name of names) to.text(name)
}

function writeRooms(ops: readonly RoomOp<'create'>[], to: Writer): void {
  to.array(ops.length)
  for (const { rules, pace, seed, commitment, incarnation } of ops) {
    to.array(14)
    to.text(incarnation)
    to.text(JSON.stringify(rules))
    to.integer(rules.claimMs)
    to.integer(rules.passMs)
    to.integer(rules.opensAt ?? -1)
    to.integer(rules.order === 'random' ? 1 : 0)
    to.integer(rules.sale === null ? 0 : 1)
    to.integer(rules.overcommit)
    to.integer(rules.maxActive ?? -1)
    to.text(seed)
    to.text(commitment)
    to.integer(pace.rate)
    to.integer(pace.burst)
    writeTiers(rules.tiers.length === 0 ? [''] : rules.tiers, to)
  }
}

/** Commands that answer by a letter alone. */
function letters<C extends RoomCommand>(
  command: C,
  encode: Codec<RoomOp<C>, RoomAnswer<C>, Head>['encode'],
  answers: Readonly<Record<string, RoomAnswer<C>>>,
): Codec<RoomOp<C>, RoomAnswer<C>, Head> {
  const byCode = Object.fromEntries(Object.entries(answers).map(([letter, answer]) => [letter, () => answer]))
  return {
    encode,
    decode: (ops, from) => byLetter(command, ops, String(from.next()), byCode) as RoomAnswer<C>[],
  }
}

function writeEnded(ops: readonly { readonly buyer: string; readonly visitId?: number }[], to: Writer): void {
  writeColumn(ops, to, ({ buyer }) => buyer)
  writeColumn(ops, to, ({ visitId = -1 }) => visitId)
}

/** While Redis is over `maxmemory`, only commands that make a room larger are refused. */
export const roomPort = definePort<RoomCommands, Head>({
  name: 'room',
  effects: roomEffects,
  concerns: roomConcerns,
  readHead: (reply) => ({
    now: Number(reply[1]),
    sequence: Number(reply[2]),
    ahead: Number(reply[3]),
    next: iterate(reply, 4),
  }),
  commands: {
    create: {
      script: create,
      opens: true,
      encode: writeRooms,
      decode(ops, from) {
        const letters = String(from.next())
        const incarnations = from.next() as readonly unknown[]
        const commitments = from.next() as readonly unknown[]
        return byCreation(ops, letters, (i) => ({
          incarnation: String(incarnations[i]),
          commitment: String(commitments[i]),
        }))
      },
    },
    describe: {
      script: describe,
      opens: true,
      encode() {},
      decode(ops, from) {
        const incarnation = String(from.next())
        const rules = JSON.parse(String(from.next()))
        const answer = { status: 'described', incarnation, rules, commitment: String(from.next()) } as const
        return ops.map(() => answer)
      },
    },
    update: {
      script: update,
      flags: 'allow-oom',
      encode(ops, to) {
        writeColumn(ops, to, ({ opensAt }) => (opensAt === null ? -2 : (opensAt.to ?? -1)))
        to.array(ops.length)
        for (const { tiers } of ops) writeTiers(tiers ?? [], to)
      },
      decode(ops, from) {
        const letters = String(from.next())
        const revisions = new Reader(from.next() as Buffer)
        return ops.map((_, i): RoomAnswer<'update'> => {
          const revision = revisions.integer()
          if (letters[i] === 'T') return RETRY
          if (letters[i] === 'M') return { status: 'missing_tier' }
          return { status: 'updated', revision, replayed: letters[i] === 'S' }
        })
      },
    },
    join: {
      script: join,
      encode(ops, to) {
        writeColumn(ops, to, ({ buyer }) => buyer)
        writeColumn(ops, to, ({ tier }) => tier ?? '')
      },
      decode(ops, from) {
        const letters = String(from.next())
        const numbers = new Reader(from.next() as Buffer)
        return ops.map((_, i): RoomAnswer<'join'> => {
          const number = numbers.integer()
          const visitId = numbers.integer()
          const expiresAt = numbers.integer()
          if (letters[i] === 'T') return RETRY
          if (letters[i] === 'B') return { status: 'blocked' }
          if (letters[i] === 'U') return { status: 'unknown_tier' }
          return { status: 'placed', number, visitId, expiresAt: expiresAt === 0 ? null : expiresAt }
        })
      },
    },
    tend: {
      script: tend,
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const { stock, goneVersion, turnsSince, revokedSince, drawn, visits } of ops) {
          to.array(9)
          writeStock(stock, to)
          to.integer(goneVersion)
          to.integer(turnsSince)
          to.integer(revokedSince)
          to.integer(drawn ?? -1)
          writeColumn(visits, to, ({ buyer }) => buyer)
          writeColumn(visits, to, ({ visitId }) => visitId)
          writeColumn(visits, to, ({ number }) => number)
          writeColumn(visits, to, ({ rank }) => rank)
        }
      },
      decode(ops, from) {
        const states = ops.map(({ visits }) => ({
          state: new Reader(from.next() as Buffer),
          visits: readVisits(new Reader(from.next() as Buffer), visits),
          turns: readAll(from.next() as Buffer, (reader) => reader.integer()),
          gone: readChunks(from.next() as unknown[]),
          revoked: (from.next() as Buffer[]).map((packed) => {
            const reader = new Reader(packed)
            return { buyer: reader.text(), visitId: reader.integer() }
          }),
        }))
        const seed = String(from.next())
        const names = readTiers(from.next())
        return states.map(({ state, ...rest }) => ({
          status: 'tended',
          ...readState(state, names),
          seed: seed === '' ? null : seed,
          ...rest,
        }))
      },
    },
    leave: {
      script: leave,
      flags: 'allow-oom',
      ...letters('leave', writeEnded, { L: { status: 'left' }, M: { status: 'gone' } }),
    },
    revoke: {
      script: leave,
      flags: 'allow-oom',
      ...letters('revoke', writeEnded, { L: { status: 'revoked' }, M: { status: 'gone' } }),
    },
    block: {
      script: block,
      flags: 'allow-oom',
      ...letters(
        'block',
        (ops, to) => {
          writeColumn(ops, to, ({ buyer }) => buyer)
          writeColumn(ops, to, ({ blocked }) => (blocked ? 1 : 0))
        },
        { C: { status: 'changed' }, S: { status: 'unchanged' } },
      ),
    },
    transfer: {
      script: transfer,
      flags: 'allow-oom',
      encode(ops, to) {
        writeColumn(ops, to, ({ buyer }) => buyer)
        writeColumn(ops, to, ({ visitId }) => visitId)
        writeColumn(ops, to, (op) => op.to)
        writeColumn(ops, to, ({ compared }) => compared?.number ?? 0)
        writeColumn(ops, to, ({ compared }) => compared?.own ?? 0)
        writeColumn(ops, to, ({ compared }) => (compared?.ownIsFirst ? 1 : 0))
      },
      decode(ops, from) {
        const letters = String(from.next())
        const places = new Reader(from.next() as Buffer)
        return ops.map((_, i): RoomAnswer<'transfer'> => {
          const number = places.integer()
          const visitId = places.integer()
          const last = places.integer()
          if (letters[i] === 'T') return RETRY
          if (letters[i] === 'B') return { status: 'blocked' }
          if (letters[i] === 'M') return { status: 'gone' }
          if (letters[i] === 'C') return { status: 'compare', number, own: visitId }
          return { status: 'transferred', number, visitId, expiresAt: last === 0 ? null : last }
        })
      },
    },
    spend: {
      script: spend,
      flags: 'allow-oom',
      ...letters('spend', writeEnded, { S: { status: 'spent' }, M: { status: 'gone' } }),
    },
    control: {
      script: control,
      flags: 'allow-oom',
      ...letters(
        'control',
        (ops, to) => {
          writeColumn(ops, to, ({ action }) => action)
          writeColumn(ops, to, (op) => (op.action === 'pace' ? op.rate : 0))
          writeColumn(ops, to, (op) => (op.action === 'pace' ? (op.burst ?? -1) : 0))
        },
        { S: { status: 'controlled' } },
      ),
    },
  },
})
