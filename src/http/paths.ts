/** The path of an address, and what stands behind its `?`. */
export function splitAddress(address: string): readonly [path: string, query: string] {
  const mark = address.indexOf('#')
  const whole = mark < 0 ? address : address.slice(0, mark)
  const end = whole.indexOf('?')
  return end < 0 ? [whole, ''] : [whole.slice(0, end), whole.slice(end + 1)]
}
