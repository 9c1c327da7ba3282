import {
  CLAIM_MS,
  type DueRequest,
  type HeartbeatCommands,
  MAX_ANSWER,
  MAX_BODY,
  MAX_PROCESSES,
  MAX_REQUESTS,
  type NotedAnswer,
  type NotedRequest,
  REQUEST_KEPT_MS,
  type RequestCommands,
} from '../../engine/heartbeat.js'
import { retry, type Step } from '../answering.js'

type Op<C extends keyof RequestCommands> = HeartbeatCommands[C]['op']
type Answer<C extends keyof RequestCommands> = HeartbeatCommands[C]['answer']

interface Kept extends Omit<NotedRequest, 'answers'> {
  readonly answers: Map<string, NotedAnswer>
  completedAt: number | null
  finishedAt: number | null
  claim: { readonly process: string; readonly until: number } | undefined
}

/** Requests to all processes, with their answers. */
export class RequestTable {
  readonly #known = new Map<string, Kept>()

  dueFor(process: string, { now }: Step): DueRequest[] {
    const due: DueRequest[] = []
    for (const kept of this.#known.values()) {
      const { id, body, createdAt } = kept
      if (!kept.answers.get(process)?.done) due.push({ id, body, createdAt, due: 'answer' })
      else if (mayResume(kept) && !isClaimed(kept, now)) due.push({ id, body, createdAt, due: 'resume' })
    }
    return due
  }

  request(op: Op<'request'>, { now, overdue }: Step): Answer<'request'> {
    const { timeoutMs, ...rest } = op
    if (Buffer.byteLength(op.subject) + Buffer.byteLength(op.body) > MAX_BODY) return { status: 'too_large' }
    if (this.#known.has(op.id)) return { status: 'made' }
    const same = [...this.#known.values()].filter(({ subject }) => subject === op.subject)
    const present = same.find((kept) => !isOver(kept, now))
    if (present) return { status: present.body === op.body ? 'joined' : 'conflict', request: noted(present) }
    if (overdue) return retry
    const old = [...this.#known.values()].filter(({ createdAt }) => createdAt <= now - REQUEST_KEPT_MS)
    for (const { id } of [...same, ...old]) this.#known.delete(id)
    if (this.#known.size >= MAX_REQUESTS) return { status: 'full' }
    this.#known.set(op.id, {
      ...rest,
      ...{ createdAt: now, deadline: now + timeoutMs, completedAt: null, finishedAt: null },
      ...{ answers: new Map(), claim: undefined },
    })
    return { status: 'made' }
  }

  answer({ id, process, done, counts, text }: Op<'answer'>, { now, overdue }: Step): Answer<'answer'> {
    if (Buffer.byteLength(text) > MAX_ANSWER) return { status: 'too_large' }
    const kept = this.#known.get(id)
    if (!kept) return { status: 'unknown' }
    if (overdue) return retry
    const { answers } = kept
    const before = answers.get(process)
    if (!before && answers.size >= MAX_PROCESSES) return { status: 'full' }
    if (before?.done && !done) return { status: 'answered' }
    answers.set(process, { process, done, counts, at: now, text })
    const counted = [...answers.values()].filter((one) => one.done && one.counts).length
    if (now <= kept.deadline && counted >= kept.waitFor) kept.completedAt ??= now
    if (!mayResume(kept) || isClaimed(kept, now)) return { status: 'answered' }
    kept.claim = { process, until: now + CLAIM_MS }
    return { status: 'resume' }
  }

  claim({ id, process, force }: Op<'claim'>, { now, overdue }: Step): Answer<'claim'> {
    const kept = this.#known.get(id)
    if (!kept) return { status: 'unknown' }
    if (kept.finishedAt !== null || !(force || mayResume(kept))) return { status: 'taken' }
    if (isClaimed(kept, now) && kept.claim!.process !== process) return { status: 'taken' }
    if (overdue) return retry
    kept.claim = { process, until: now + CLAIM_MS }
    return { status: 'claimed' }
  }

  finish({ id, resumed }: Op<'finish'>, { now, overdue }: Step): Answer<'finish'> {
    const kept = this.#known.get(id)
    if (!kept) return { status: 'unknown' }
    if (kept.finishedAt !== null) return { status: 'finished' }
    if (overdue) return retry
    if (resumed) kept.finishedAt = now
    else this.#known.delete(id)
    return { status: resumed ? 'finished' : 'forgotten' }
  }

  list(): Answer<'requests'> {
    const inOrder = [...this.#known.values()].sort(
      (a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
    )
    return { status: 'requests', requests: inOrder.map(noted) }
  }
}

/** Complete, and not yet resumed. */
function mayResume({ resumes, completedAt, finishedAt }: Kept): boolean {
  return resumes && completedAt !== null && finishedAt === null
}

function isClaimed({ claim }: Kept, now: number): boolean {
  return claim !== undefined && claim.until > now
}

function isOver({ deadline, resumes, completedAt, finishedAt }: Kept, now: number): boolean {
  if (finishedAt !== null) return true
  return completedAt === null ? now > deadline : !resumes
}

function noted({ claim: _, answers, ...rest }: Kept): NotedRequest {
  const inOrder = [...answers.values()].sort((a, b) => (a.process < b.process ? -1 : 1))
  return { ...rest, answers: inOrder }
}
