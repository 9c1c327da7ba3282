import type { DueRequest, NotedAnswer, NotedRequest } from '../../engine/heartbeat.js'

/** The values of a list, in groups of `size`. */
function groupsOf<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size))
}

export function readDue(parts: readonly unknown[]): DueRequest[] {
  return groupsOf(parts, 4).map(([id, body, createdAt, due]) => ({
    id: String(id),
    body: String(body),
    createdAt: Number(createdAt),
    due: String(due) as DueRequest['due'],
  }))
}

export function readRequest(parts: readonly unknown[]): NotedRequest {
  const [id, subject, body, createdAt, deadline, waitFor, resumes, completed, finished, answers] = parts
  return {
    id: String(id),
    subject: String(subject),
    body: String(body),
    waitFor: Number(waitFor),
    resumes: Number(resumes) === 1,
    createdAt: Number(createdAt),
    deadline: Number(deadline),
    completedAt: momentOf(completed),
    finishedAt: momentOf(finished),
    answers: groupsOf(answers as unknown[], 5)
      .map(readAnswer)
      .sort((a, b) => (a.process < b.process ? -1 : 1)),
  }
}

/** Redis has them in no order. */
export function readRequests(parts: readonly unknown[][]): NotedRequest[] {
  return parts.map(readRequest).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
}

function readAnswer([process, done, counts, at, text]: readonly unknown[]): NotedAnswer {
  return {
    process: String(process),
    done: Number(done) === 1,
    counts: Number(counts) === 1,
    at: Number(at),
    text: String(text),
  }
}

/** 0 stands for none. */
function momentOf(value: unknown): number | null {
  return Number(value) === 0 ? null : Number(value)
}
