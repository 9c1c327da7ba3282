import { expect, test } from 'vitest'
import { releaseNotes } from '../../../scripts/release-notes/notes.js'

const commit = (subject: string, body = '', hash = '0123456789') => ({ hash, subject, body })

test('tells what users notice, the oldest first, and leaves out the rest', () => {
  const notes = releaseNotes('', [
    commit('fix: answer late', '', 'bbbbbbbbb'),
    commit('test(room): wait for the draw'),
    commit('no type at all'),
    commit('perf(batching): make fewer objects'),
    commit('fix(room): admit the first visitor', 'why', 'aaaaaaaaa'),
    commit('feat(sale): amend a cart'),
  ])
  expect(notes).toBe(`## New

- **sale:** amend a cart (0123456)

## Fixed

- **room:** admit the first visitor (aaaaaaa)
- answer late (bbbbbbb)

## Faster

- **batching:** make fewer objects (0123456)
`)
})

test('tells what breaks once, before everything else, in the words of the commit', () => {
  const notes = releaseNotes('# 0.2.0\n\n', [
    commit('feat(sale)!: rename unfreeze to unfreeze'),
    commit('fix(room): sign tickets', 'Why.\n\nBREAKING CHANGE: tickets of 0.1\nare refused\n\nMore.'),
  ])
  expect(notes).toBe(`# 0.2.0

## Breaking

- **room:** tickets of 0.1 are refused (0123456)
- **sale:** rename unfreeze to unfreeze (0123456)
`)
})

test('is empty without changes', () => {
  expect(releaseNotes('', [commit('docs: a word')])).toBe('\n')
})
