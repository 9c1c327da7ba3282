/**
 * The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that Redis'
 * `cmsgpack` and this library exchange: whole numbers, byte strings and arrays. It is not taken
 * from a package for two reasons: strings of bytes and of text share one type in `cmsgpack`, and
 * every reservation passes through this code. Values are written into one growing buffer, nested
 * values in place.
 */
export class Writer {
  #buffer = Buffer.allocUnsafe(16_384)
  #length = 0

  /**
   * Returns the bytes that `write` writes, as a copy. Starts from an empty buffer, so a call that
   * failed half-way has no effect on the next.
   */
  pack(write: () => void): Buffer {
    this.#length = 0
    write()
    return Buffer.from(this.#buffer.subarray(0, this.#length))
  }

  /** Makes room for `bytes` more and returns where they begin. */
  reserve(bytes: number): number {
    const at = this.#length
    if (at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + bytes))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#length = at + bytes
    return at
  }

  /** The buffer written to; valid until the next call that writes. */
  get bytes(): Buffer {
    return this.#buffer
  }

  array(length: number): void {
    if (length < 16) {
      const at = this.reserve(1)
      this.#buffer[at] = 0x90 | length
    } else if (length < 65_536) {
      const at = this.reserve(3)
      this.#buffer[at] = 0xdc
      this.#buffer.writeUInt16BE(length, at + 1)
    } else {
      const at = this.reserve(5)
      this.#buffer[at] = 0xdd
      this.#buffer.writeUInt32BE(length, at + 1)
    }
  }

  /** A safe integer. */
  integer(value: number): void {
    if (value >= 0 && value < 128) {
      const at = this.reserve(1)
      this.#buffer[at] = value
    } else if (value >= 0 && value < 4_294_967_296) {
      const at = this.reserve(5)
      this.#buffer[at] = 0xce
      this.#buffer.writeUInt32BE(value, at + 1)
    } else {
      const at = this.reserve(9)
      this.#buffer[at] = 0xd3
      this.#buffer.writeInt32BE(Math.floor(value / 4_294_967_296), at + 1)
      this.#buffer.writeUInt32BE(value - Math.floor(value / 4_294_967_296) * 4_294_967_296, at + 5)
    }
  }

  text(value: string): void {
    const length = value.length
    if (length < 32) {
      // Short ASCII, which nearly every buyer and key is: a loop is cheaper here than a call into
      // the runtime.
      const start = this.reserve(1 + length)
      const buffer = this.#buffer
      let i = 0
      for (; i < length; i++) {
        const unit = value.charCodeAt(i)
        if (unit > 127) break
        buffer[start + 1 + i] = unit
      }
      if (i === length) {
        buffer[start] = 0xa0 | length
        return
      }
      this.#length = start
    }
    const size = Buffer.byteLength(value)
    const header = size < 32 ? 1 : size < 65_536 ? 3 : 5
    const at = this.reserve(header + size)
    if (header === 1) this.#buffer[at] = 0xa0 | size
    else if (header === 3) {
      this.#buffer[at] = 0xda
      this.#buffer.writeUInt16BE(size, at + 1)
    } else {
      this.#buffer[at] = 0xdb
      this.#buffer.writeUInt32BE(size, at + 1)
    }
    this.#buffer.write(value, at + header)
  }

  /**
   * A byte string of fewer than 32 bytes; returns the offset at which the caller writes its bytes.
   */
  bytesOf(length: number): number {
    const at = this.reserve(1 + length)
    this.#buffer[at] = 0xa0 | length
    return at + 1
  }

  /** A byte string of any length. */
  raw(bytes: Buffer): void {
    if (bytes.length < 32) {
      const at = this.bytesOf(bytes.length)
      bytes.copy(this.#buffer, at)
    } else {
      const at = this.open()
      const to = this.reserve(bytes.length)
      bytes.copy(this.#buffer, to)
      this.close(at)
    }
  }

  /**
   * Begins a byte string that will hold the values written until {@link close}; returns where it
   * begins.
   */
  open(): number {
    return this.reserve(3)
  }

  /** Ends the byte string begun at `at`. */
  close(at: number): void {
    const size = this.#length - at - 3
    if (size >= 65_536) throw new RangeError('a nested value is longer than 65,535 bytes')
    this.#buffer[at] = 0xda
    this.#buffer.writeUInt16BE(size, at + 1)
  }
}

/** Reads values one after another from the output of `cmsgpack.pack`. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** The offset after the last value. */
  get size(): number {
    return this.#bytes.length
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  integer(): number {
    const bytes = this.#bytes
    const type = bytes[this.#at++]!
    if (type < 0x80) return type
    if (type >= 0xe0) return type - 0x100
    const at = this.#at
    switch (type) {
      case 0xcc:
        this.#at += 1
        return bytes[at]!
      case 0xcd:
        this.#at += 2
        return bytes.readUInt16BE(at)
      case 0xce:
        this.#at += 4
        return bytes.readUInt32BE(at)
      case 0xcf:
        this.#at += 8
        return bytes.readUInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4)
      case 0xd0:
        this.#at += 1
        return bytes.readInt8(at)
      case 0xd1:
        this.#at += 2
        return bytes.readInt16BE(at)
      case 0xd2:
        this.#at += 4
        return bytes.readInt32BE(at)
      case 0xd3:
        this.#at += 8
        return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4)
      default:
        throw new RangeError(`not a whole number: type ${type}`)
    }
  }

  /** The offset of the next value. */
  get at(): number {
    return this.#at
  }

  /** The first byte of the next value, which is a string; `undefined` if it is empty. */
  get firstByte(): number | undefined {
    const at = this.#at
    const end = this.enter()
    const first = this.#at === end ? undefined : this.#bytes[this.#at]
    this.#at = at
    return first
  }

  /** The bytes of a string, without a copy. */
  raw(): Buffer {
    const end = this.enter()
    const at = this.#at
    this.#at = end
    return this.#bytes.subarray(at, end)
  }

  text(): string {
    return this.#string('utf8')
  }

  /** The bytes of a string, as digits of base64url. */
  base64url(): string {
    return this.#string('base64url')
  }

  // A buffer for each would cost more than the string itself.
  #string(encoding: 'utf8' | 'base64url'): string {
    const end = this.enter()
    const at = this.#at
    this.#at = end
    return at === end ? '' : this.#bytes.toString(encoding, at, end)
  }

  /** Continues with the values that a string contains; returns where it ends. */
  enter(): number {
    const type = this.#bytes[this.#at++]!
    let size: number
    if (type >= 0xa0 && type < 0xc0) size = type & 31
    else if (type === 0xd9) {
      size = this.#bytes[this.#at]!
      this.#at += 1
    } else if (type === 0xda) {
      size = this.#bytes.readUInt16BE(this.#at)
      this.#at += 2
    } else if (type === 0xdb) {
      size = this.#bytes.readUInt32BE(this.#at)
      this.#at += 4
    } else throw new RangeError(`not a string: type ${type}`)
    return this.#at + size
  }

  /** Whether the next value is a string. */
  get atText(): boolean {
    const type = this.#bytes[this.#at]!
    return (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb)
  }
}
