import type { NotedRequest } from '../../engine/heartbeat.js'
import { MAX_ANSWER } from '../../engine/heartbeat.js'
import { StockholdError } from '../../errors.js'
import type { RequestBody } from '../../heartbeat/open-handle.js'
import type { ListedProcess } from '../../heartbeat/processes.js'
import type { AnsweredProcess, MissingProcess, Recovery } from '../results.js'

/** A request to recover a sale in every process. */
export interface RecoveryBody extends RequestBody {
  readonly kind: 'sale'
  readonly recovers: 'accept' | 'replay'
  /** The sale is resumed when all have answered. */
  readonly resumes: boolean
}

/** What all handles of a process have recovered. */
interface AnswerText extends Recovery {
  /** How many were refused: `refused` may leave some out. */
  readonly refusals: number
}

export function subjectOf(sale: string): string {
  return `recover:${sale}`
}

/** The body of a request, if it is one to recover a sale. */
export function readRecoveryBody({ subject, body }: NotedRequest): RecoveryBody | undefined {
  return subject.startsWith(subjectOf('')) ? (JSON.parse(body) as RecoveryBody) : undefined
}

/** The text of an answer: as many refused reservations as there is room for. */
export function answerText(recoveries: readonly Recovery[]): string {
  const refused = recoveries.flatMap((one) => one.refused)
  const sum = (of: 'restored' | 'forgotten') => recoveries.reduce((total, one) => total + one[of], 0)
  const all = { restored: sum('restored'), forgotten: sum('forgotten'), refusals: refused.length }
  for (let most = refused.length; ; most = Math.floor(most / 2)) {
    const text = JSON.stringify({ ...all, refused: refused.slice(0, most) } satisfies AnswerText)
    if (Buffer.byteLength(text) <= MAX_ANSWER) return text
  }
}

/** Why a process has not answered yet. */
export function failureText(error: unknown): string {
  const { code, message } = error as Partial<StockholdError>
  const known = error instanceof StockholdError ? `${code}: ${message}` : 'an unexpected error'
  return JSON.stringify({ error: known.slice(0, 500) })
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
    const { error, ...told } = JSON.parse(text) as AnswerText & { readonly error?: string }
    if (error !== undefined) errors.set(process, error)
    if (!done || error !== undefined) return []
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
