import { blockText, destroyText, rateText, unblockText, updateText } from '../../operations/outcome-texts.js'
import type { Done } from '../../operations/results.js'
import { BadUsage, type Command } from '../command.js'
import { DONE, NO, remedyOf } from '../exit-codes.js'
import { ASKING, CHANGING } from '../options.js'
import type { Screen } from '../screen.js'
import { bySession, type Session } from '../session.js'
import { safe } from '../terminal/safe.js'
import { paintState } from '../text.js'
import { roomUpdate, saleUpdate, UPDATE_OPTIONS } from './update-options.js'

const section = 'To change a sale or a waiting room'

/** Warns if the operations log lacks what was done. */
export function notLogged({ note }: Pick<Session, 'note'>, { logged }: Done<unknown>): void {
  if (!logged) note('The operations log could not be written; the operation was carried out all the same.')
}

/** The outcome of an operation, with one line for a person. */
function told<T>(session: Session, done: Done<T>, text: (result: T, screen: Screen) => string, code = DONE) {
  notLogged(session, done)
  return { value: done, print: (screen: Screen) => screen.line(text(done.result, screen)), code }
}

async function control(session: Session, action: 'pause' | 'resume' | 'end') {
  const { operations, given, actor } = session
  const target = given.word(0)
  if (action === 'end') await session.ask(`End the sale ${target} for ever? It will never sell again.`)
  const done = await operations[action](target, actor)
  // A pause does not tell whether the sale is frozen.
  const shown = action === 'pause' ? await operations.show(done.target).catch(() => undefined) : undefined
  const remedy = shown?.state === 'frozen' ? remedyOf(shown) : undefined
  return told(session, done as Done<{ state: string }>, ({ state }, screen) => {
    const line = `${safe(done.target)}: ${paintState(screen.paint, state)}`
    if (remedy !== undefined)
      return `${line}, and ${paintState(screen.paint, 'frozen')}: it sells nothing until it is recovered, and resumed then.\n${remedy}`
    const isBefore = action === 'pause' && state === 'not_started'
    return isBefore ? `${line}, and ${pausedBefore(screen, done.target)}` : `${line}.`
  })
}

/** The state of a sale that is paused before its opening says only that it has not started. */
export function pausedBefore({ paint }: Screen, target: string): string {
  return `${paintState(paint, 'paused')}. Also after its opening it sells nothing until npx stockhold resume ${safe(target)}`
}

async function update(session: Session) {
  const { operations, given, actor } = session
  const { kind, id } = await operations.resolve(given.word(0))
  const wanted = kind === 'sale' ? saleUpdate(given) : roomUpdate(given)
  if (Object.keys(wanted).length === 0) throw new BadUsage('update needs an option with a rule')
  const done = await operations.update(`${kind}:${id}`, wanted, actor)
  return told(session, done, updateText)
}

async function rate(session: Session) {
  const { operations, given, actor } = session
  const text = given.word(1)
  if (!/^\d{1,7}(\.\d{1,3})?$/.test(text)) throw new BadUsage('PER_SECOND must be a number such as 50 or 0.5')
  const burst = given.whole('burst', 1, 1_000_000)
  const done = await operations.rate(given.word(0), { perSecond: Number(text), burst }, actor)
  const room = safe(done.target)
  return told(session, done, (result) =>
    rateText(result, room, `To let it go on: npx stockhold rate ${room} PER_SECOND`),
  )
}

async function block(session: Session) {
  const { operations, given, actor } = session
  const done = await operations.block(given.word(0), given.word(1), actor)
  return told(session, done, blockText)
}

async function unblock(session: Session) {
  const { operations, given, actor } = session
  const done = await operations.unblock(given.word(0), given.word(1), actor)
  return told(session, done, unblockText)
}

async function destroy(session: Session) {
  const { operations, given, actor } = session
  const force = given.flag('force')
  const { kind, id } = await operations.resolve(given.word(0))
  const what =
    kind === 'sale'
      ? `the sale ${id} with its reservations, events and groups`
      : `the waiting room ${id} with its queue`
  await session.ask(`Remove ${what}?${force ? ' Also if units are held.' : ''}`)
  const done = await operations.destroy(`${kind}:${id}`, { force }, actor)
  const code = done.result.status === 'destroyed' ? DONE : NO
  return told(session, done, (result) => destroyText(result, '--force'), code)
}

const controlling = (action: 'pause' | 'resume' | 'end', parameters: string, summary: string): Command => ({
  ...{ name: action, section, parameters, summary, options: action === 'end' ? ASKING : CHANGING },
  examples: [`${action} launch --reason "queue too long"`],
  run: bySession((session) => control(session, action)),
})

export const changing: readonly Command[] = [
  controlling('pause', 'ID', 'stops new reservations, or admissions; what is held stays valid'),
  controlling('resume', 'ID', 'ends a pause'),
  controlling('end', 'SALE', 'ends a sale for ever'),
  {
    ...{ name: 'update', section, parameters: 'ID', options: [...CHANGING, ...UPDATE_OPTIONS] },
    summary: 'changes rules of a sale, or of a waiting room, while it runs',
    details:
      'Rules that are not named stay. TIME is 2026-11-11T20:00:00+08:00 or epoch ms, SPAN is 90s, 10m, 2h or 14d; none removes a rule. Of a waiting room, --opens-at and --tiers can be changed.',
    examples: [
      'update launch --closes-at 2026-11-11T22:00:00+08:00',
      'update launch --limit-per-buyer 2 --hold 5m',
      'update launch --limit-per-buyer a=1 --limit-per-buyer b=none',
      'update launch --stock lime=200',
      `update launch --rules '{"skus":{"mango":{"always":true}}}'`,
      'update room:launch --tiers members,public',
    ],
    run: bySession(update),
  },
  {
    ...{ name: 'rate', section, parameters: 'ROOM PER_SECOND' },
    summary: 'sets how many visitors a second a waiting room admits',
    details:
      'With 0 the room admits no visitor until the rate is set again: visitors keep their positions, and passes stay valid.',
    options: [
      ...CHANGING,
      {
        name: 'burst',
        value: 'N',
        help: 'the most at once after a quiet time; without it the burst stays as it is',
      },
    ],
    examples: ['rate launch 50', 'rate launch 0.5 --burst 10'],
    run: bySession(rate),
  },
  {
    ...{ name: 'block', section, parameters: 'ROOM BUYER', options: CHANGING },
    summary: "takes a buyer's position or pass, and lets the buyer join no more",
    examples: ['block launch bot-7 --reason "400 joins a minute"'],
    run: bySession(block),
  },
  {
    ...{ name: 'unblock', section, parameters: 'ROOM BUYER', options: CHANGING },
    summary: 'lets a blocked buyer join again',
    examples: ['unblock launch bot-7'],
    run: bySession(unblock),
  },
  {
    ...{ name: 'destroy', section, parameters: 'ID' },
    summary: 'removes a sale that has ended, or a waiting room',
    options: [...ASKING, { name: 'force', help: 'also while units are held or a consumer group lags' }],
    examples: ['destroy launch', 'destroy launch --force --yes'],
    run: bySession(destroy),
  },
]
