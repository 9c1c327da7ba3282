import { asCount, asFields, asList, asText, fieldsOf, whole } from '../../common/untrusted.js'
import type { NotedRequest } from '../../engine/heartbeat.js'
import { MAX_ANSWER } from '../../engine/heartbeat.js'
import type { LogOffset } from '../../engine/port.js'
import { StockholdError } from '../../errors.js'
import type { RequestBody } from '../../heartbeat/open-handle.js'
import type { ListedProcess } from '../../heartbeat/processes.js'
import type { AnsweredProcess, Item, MissingProcess, Recovery, Reservation } from '../results.js'
import type { Recovered } from './recover-sale.js'
import type { Testimony } from './unfreeze.js'

/** A request to recover a sale in every process. */
export interface RecoveryBody extends RequestBody {
  readonly kind: 'sale'
  readonly recovers: 'accept' | 'replay'
  /** The sale is resumed when all have answered. */
  readonly resumes: boolean
  /** The sale is paused before it is resumed. */
  readonly paused?: boolean
}

/** What all handles of a process have recovered. */
interface AnswerText extends Recovered {
  /** How many were refused: `refused` may leave some out. */
  readonly refusals: number
  /** The earliest generation of each partition that a handle has recovered. No handle: none. */
  readonly generations?: readonly number[]
  /** How far each handle had recovered the history, as far as there is room. */
  readonly offsets?: readonly ToldOffset[]
  /** The latest generation that a handle has seen, and its partition has forgotten; 0: none. */
  readonly forgottenGeneration?: number
}

/** Of a partition: generation, sequence and batch id. */
type ToldOffset = readonly [partition: number, generation: number, sequence: number, batchId: string]

/** The longest text of an error, in characters. */
const MAX_ERROR = 500
/**
 * The most offsets in an answer. A server that loses a part of what it had acknowledged loses it of
 * many partitions, so these need not be all.
 */
const MAX_OFFSETS = 128
/** More than an answer has room for. */
const MAX_REFUSED = 512
/** No sale has been recovered more often: a ledger, and the id of an event, have room for it. */
const MAX_GENERATION = 1_000_000_000

export function subjectOf(sale: string): string {
  return `recover:${sale}`
}

/** The body of a request, if it is one to recover a sale. */
export function readRecoveryBody({ subject, body }: NotedRequest): RecoveryBody | undefined {
  if (!subject.startsWith(subjectOf(''))) return undefined
  const { kind, id, recovers, resumes, paused } = fieldsOf(body) ?? {}
  if (kind !== 'sale' || (recovers !== 'accept' && recovers !== 'replay')) return undefined
  const sale = asText(id)
  return sale === undefined
    ? undefined
    : { kind, id: sale, recovers, resumes: resumes === true, paused: paused === true }
}

/**
 * The text of an answer: as many refused reservations as there is room for, and then offsets.
 *
 * @param histories How far each handle had recovered each partition.
 * @param forgottenGeneration The latest that a handle has seen, and Redis has forgotten.
 */
export function answerText(
  recoveries: readonly Recovered[],
  histories: readonly (readonly LogOffset[])[] = [],
  forgottenGeneration = 0,
): string {
  const refused = recoveries.flatMap((one) => one.refused)
  const sum = (of: 'restored' | 'forgotten') => recoveries.reduce((total, one) => total + one[of], 0)
  const all = {
    restored: sum('restored'),
    forgotten: sum('forgotten'),
    refusals: refused.length,
    generations: earliestOf(histories),
    offsets: histories.flatMap(told).slice(0, MAX_OFFSETS),
    forgottenGeneration,
    refused: refused.slice(0, MAX_REFUSED),
  } satisfies AnswerText
  for (;;) {
    const text = JSON.stringify(all)
    const longest = all.refused.length > 0 ? all.refused : all.offsets
    if (longest.length === 0 || Buffer.byteLength(text) <= MAX_ANSWER) return text
    longest.splice(Math.floor(longest.length / 2))
  }
}

/** The earliest generation of each partition: what was recovered in a later one may lack it. */
function earliestOf(histories: readonly (readonly LogOffset[])[]): readonly number[] {
  const [first = []] = histories
  return first.map((_, index) =>
    Math.min(...histories.flatMap((history) => history[index]?.generation ?? [])),
  )
}

/** Where nothing has happened yet, the generation says all. */
function told(history: readonly LogOffset[]): readonly ToldOffset[] {
  return history.flatMap(({ generation, sequence, batchId }, partition) =>
    sequence > 0 ? [[partition, generation, sequence, batchId] as const] : [],
  )
}

/** What those who gave these answers tell of the history. */
export function testimonyOf(answers: readonly string[]): Testimony {
  let forgotten = 0
  const found = new Map<number, LogOffset[]>()
  const note = (partition: number, offset: LogOffset) => {
    const known = found.get(partition)
    if (known) known.push(offset)
    else found.set(partition, [offset])
  }
  for (const text of answers) {
    const { generations, offsets, forgottenGeneration } = fieldsOf(text) ?? {}
    const latest = asCount(forgottenGeneration) ?? 0
    if (latest <= MAX_GENERATION) forgotten = Math.max(forgotten, latest)
    for (const [partition, generation] of asList(generations, asCount, MAX_ANSWER).entries())
      note(partition, { generation, sequence: 0, batchId: '' })
    for (const [partition, offset] of asList(offsets, asOffset, MAX_OFFSETS)) note(partition, offset)
  }
  return { offsets: found, forgotten }
}

function asOffset(value: unknown): readonly [partition: number, offset: LogOffset] | undefined {
  const [partition, generation, sequence, batchId] = Array.isArray(value) ? value : []
  const index = asCount(partition)
  const offset = whole<LogOffset>({
    generation: asCount(generation),
    sequence: asCount(sequence),
    batchId: asText(batchId),
  })
  return index === undefined || !offset ? undefined : [index, offset]
}

/** `undefined`: this version cannot read it. */
function readAnswer(text: string): AnswerText | { readonly error: string } | undefined {
  const told = fieldsOf(text) ?? {}
  const error = asText(told.error, MAX_ERROR)
  if (error !== undefined) return { error }
  return whole<AnswerText>({
    restored: asCount(told.restored),
    forgotten: asCount(told.forgotten),
    refusals: asCount(told.refusals),
    refused: asList(told.refused, asRefused, MAX_ANSWER),
  })
}

const REASONS = ['sold_out', 'limit_exceeded', 'replaced', 'expired', 'transferred'] as const
const STATES = ['held', 'confirmed', 'released', 'expired', 'refunded', 'transferred'] as const

function asRefused(value: unknown): Recovery['refused'][number] | undefined {
  const told = asFields(value)
  const reason = REASONS.find((known) => known === told?.reason)
  const reservation = asReservation(told?.reservation)
  return reason && reservation && { reservation, reason }
}

function asReservation(value: unknown): Reservation | undefined {
  const told = asFields(value) ?? {}
  const known = whole<Omit<Reservation, 'household' | 'paymentId'>>({
    id: asText(told.id),
    buyer: asText(told.buyer),
    items: Array.isArray(told.items) ? asList(told.items, asItem, MAX_ANSWER) : undefined,
    state: STATES.find((state) => state === told.state),
    key: told.key === null ? null : asText(told.key),
    createdAt: asCount(told.createdAt),
    expiresAt: asCount(told.expiresAt),
  })
  const [household, paymentId] = [asText(told.household), asText(told.paymentId)]
  return known && { ...known, ...(household && { household }), ...(paymentId && { paymentId }) }
}

function asItem(value: unknown): Item | undefined {
  const { sku, quantity } = asFields(value) ?? {}
  return whole<Item>({ sku: asText(sku), quantity: asCount(quantity) })
}

/** Why a process has not answered yet. */
export function failureText(error: unknown): string {
  const { code, message } = error as Partial<StockholdError>
  const known = error instanceof StockholdError ? `${code}: ${message}` : 'an unexpected error'
  return JSON.stringify({ error: known.slice(0, MAX_ERROR) })
}

/** How far a request has come. */
export interface RecoveryState {
  readonly answered: readonly AnsweredProcess[]
  readonly missing: readonly MissingProcess[]
  readonly lacking: number
  readonly refused: Recovery['refused']
}

/** @param processes All that are listed. */
export function stateOf(
  { answers, waitFor }: NotedRequest,
  sale: string,
  processes: readonly ListedProcess[],
): RecoveryState {
  const known = new Map(processes.map((one) => [one.id, one]))
  const placeOf = (id: string) => {
    const { host, pid } = known.get(id)?.figures ?? {}
    return { id, host, pid }
  }
  const errors = new Map<string, string>()
  const refused = new Map<string, Recovery['refused'][number]>()
  const answered = answers.flatMap(({ process, done, counts, text }) => {
    const told = readAnswer(text)
    if (!told || 'error' in told) {
      errors.set(process, told?.error ?? 'this version cannot read its answer')
      return []
    }
    if (!done) return []
    for (const one of told.refused) refused.set(one.reservation.id, one)
    const { restored, forgotten, refusals } = told
    return [{ ...placeOf(process), counts, restored, forgotten, refused: refusals }]
  })
  const isAnswered = new Set(answered.map(({ id }) => id))
  const missing = processes
    .filter(({ id, figures }) => !isAnswered.has(id) && (figures?.sales.ids.includes(sale) || errors.has(id)))
    .map(({ id, seenAt, isPresent }) => ({ ...placeOf(id), seenAt, isPresent, error: errors.get(id) }))
  const lacking = Math.max(0, waitFor - answered.filter(({ counts }) => counts).length)
  return { answered, missing, lacking, refused: [...refused.values()] }
}
