import { expect, test } from 'vitest'
import { explain } from '../../../src/postgres/failure.js'
import { failure } from '../../../src/redis-engine/failure.js'

const ofRedis = (error: unknown) => failure(error).cause as Error
const ofPostgres = (error: unknown): Error => {
  try {
    explain(error)
  } catch (thrown) {
    return (thrown as Error).cause as Error
  }
}

test.each([
  ['Redis', ofRedis],
  ['PostgreSQL', ofPostgres],
])('an address of %s that does not answer is named, also where there are several', (_, told) => {
  const errors = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:1`))
  const { message, code } = told(
    Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' }),
  ) as NodeJS.ErrnoException
  expect(message).toBe('connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1')
  expect(code).toBe('ECONNREFUSED')
})

test.each([
  ['Redis', ofRedis],
  ['PostgreSQL', ofPostgres],
])('no password of a URL of %s is told, whatever is in it', (_, told) => {
  for (const password of ['hunter2', 'hun@ter2', 'hun/ter2', 'hun:@/ter2']) {
    const { message } = told(new Error(`cannot use db://shop:${password}@host:5432/x, try again`))
    expect(message).toBe('cannot use db://host:5432/x, try again')
  }
})
