import type { DestroyResult, MoveResult, RestockResult, SetTotalResult } from '../sale/results.js'
import type { UpdateResult } from '../sale/rules-update.js'

/*
 * What an operation has come to, in a sentence for its operator: of the command line and of the
 * control room. Names are given as they are shown.
 */

const whole = (count: number) => count.toLocaleString('en-US')
const units = (count: number) => `${whole(count)} unit${count === 1 ? '' : 's'}`

/** @param asked The quantity that was asked for. */
export function restockText({ applied, replayed }: RestockResult, sku: string, asked: number): string {
  const text =
    asked < 0
      ? takenText(Math.abs(applied), -asked, `of ${sku} removed`)
      : `${units(applied)} of ${sku} added.`
  return text + repeatedText(replayed)
}

export function setTotalText({ status, applied, owed, replayed }: SetTotalResult, sku: string): string {
  const repeated = repeatedText(replayed)
  if (status === 'superseded') return `A newer count is in force. Nothing changed.${repeated}`
  const owes = owed === 0 ? '' : ` ${units(owed)} are owed: the sale removes them as they come back.`
  return `The total of ${sku} is set (${applied < 0 ? '' : '+'}${whole(applied)}).${owes}${repeated}`
}

/** @param asked The quantity that was asked for. */
export function moveText(
  { applied, replayed }: MoveResult,
  { from, to, asked }: { readonly from: string; readonly to: string; readonly asked: number },
): string {
  return takenText(applied, asked, `moved from ${from} to ${to}`) + repeatedText(replayed)
}

/** What became of units that were to be taken: how many, and of how many if not of all. */
function takenText(applied: number, asked: number, done: string): string {
  if (applied === asked) return `${units(applied)} ${done}.`
  const why = applied === 0 ? 'none was available' : 'no more were available'
  return `${whole(applied)} of ${units(asked)} ${done}: ${why}.`
}

const repeatedText = (replayed: boolean) => (replayed ? ' An earlier call with this key did that.' : '')

export function updateText({ revision, replayed }: UpdateResult): string {
  return replayed
    ? `These rules were in force (revision ${revision}).`
    : `The rules are in force: revision ${revision}.`
}

/** @param goOn What the operator does to let a room go on that admits none. */
export function rateText(
  { ratePerSecond, burst }: { readonly ratePerSecond: number; readonly burst: number | null },
  room: string,
  goOn: string,
): string {
  if (ratePerSecond === 0) return `${room} admits no visitor any more. ${goOn}`
  const most = burst === null ? '' : `, and at most ${whole(burst)} at once`
  return `${room} admits ${ratePerSecond} a second${most}.`
}

export function blockText({ blocked }: { readonly blocked: boolean }): string {
  return blocked ? 'The buyer is blocked.' : 'The buyer was blocked before.'
}

export function unblockText({ unblocked }: { readonly unblocked: boolean }): string {
  return unblocked ? 'The buyer may join again.' : 'The buyer was not blocked.'
}

/** @param force What the operator does to remove it all the same. */
export function destroyText({ status }: DestroyResult, force: string): string {
  if (status === 'destroyed') return 'Nothing is left of it.'
  if (status === 'not_ended') return 'The sale has not ended: end it first. Nothing was removed.'
  return `Units are held, or a consumer group lags. Nothing was removed; ${force} removes it all the same.`
}
