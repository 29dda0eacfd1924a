import type { QuickBug } from './quick.ts'

const device = 'src/native/stream/stream-device.ts'
const hello = 'src/native/stream/hello.db.test.ts'

/** In `src/native` and `src/ios`: what the stream forgets at a second hello or when a device goes, and what the iPad's sockets and answers promise. */
export const doorBugs: readonly QuickBug[] = [
  {
    name: 'the stream is not reviewed after a second hello',
    edits: [
      {
        file: device,
        from: '    if (this.#admission) access.forget(this.#admission)\n',
        to: '    if (this.#admission) return true\n',
      },
    ],
    test: hello,
    named: 'F4, W8: after a second hello',
  },
  {
    name: 'the sign-in of an earlier hello still ends the socket',
    edits: [{ file: device, from: '    if (this.#admission) access.forget(this.#admission)\n', to: '' }],
    test: hello,
    named: 'F4, W8: after a second hello',
  },
  {
    name: 'the token of the hello before does not count in the next',
    edits: [{ file: device, from: 'this.#token = token ?? this.#token', to: 'this.#token = token ?? null' }],
    test: hello,
    named: 'F4, W8: a second hello in the same name',
  },
  {
    name: 'a second hello does not wait its time',
    edits: [{ file: device, from: '    this.#helloAt = performance.now()\n', to: '' }],
    test: hello,
    named: 'F4: a second hello is checked',
  },
  {
    name: 'a device that has gone is still reviewed',
    edits: [
      {
        file: device,
        from: '    if (this.#admission) this.#deps.access.forget(this.#admission)\n    this.#room',
        to: '    this.#room',
      },
    ],
    test: hello,
    named: 'W9: a device that leaves',
  },
  {
    name: 'a device that comes from a new epoch begins anew once more',
    edits: [{ file: device, from: 'this.#floor && this.#placing !== this.#turn', to: 'this.#floor' }],
    test: 'src/native/stream/stream-device.db.test.ts',
    named: 'L20, F2',
  },
  {
    name: 'a kept answer is given again without looking how new it must be',
    edits: [
      {
        file: 'src/native/answer-query.ts',
        from: '    if (minSeq !== null) await live.reach(minSeq)\n    return etagAt',
        to: '    return etagAt',
      },
    ],
    test: 'src/native/reads.db.test.ts',
    named: 'N5',
  },
  {
    name: "the iPad's sockets are not told of a log that begins anew",
    edits: [
      {
        file: 'src/ios/sockets/feed.ts',
        from: 'for (const session of sessions[kind]) session.close(',
        to: 'for (const session of new Set<Session>()) session.close(',
      },
    ],
    test: 'src/native/stream/stream.db.test.ts',
    named: 'F2: a new epoch reaches',
  },
  {
    name: "tables come before guests on the iPad's socket",
    edits: [
      {
        file: 'src/ios/sockets/messages.ts',
        from: '[...guests, ...tables, ...done]',
        to: '[...tables, ...guests, ...done]',
      },
    ],
    test: 'src/ios/sockets/messages.test.ts',
    named: 'C4: guest messages come first',
  },
  {
    name: 'a socket that says nothing is never closed',
    edits: [
      {
        file: 'src/ios/sockets/sockets.ts',
        from: 'member.deadline = setTimeout(late, limits.socketSignInMillis).unref()',
        to: 'member.deadline = setTimeout(late, 10 * limits.socketSignInMillis).unref()',
      },
    ],
    test: 'src/ios/sockets/sockets.db.test.ts',
    named: 'W1: who says nothing',
  },
]
