import type { QuickBug } from './quick.ts'

const device = 'src/native/stream/stream-device.ts'
const states = 'src/native/stream/device-states.ts'
const hello = 'src/native/stream/hello.db.test.ts'

/** In the doors and their sockets: second hellos, devices that go, the iPad's sockets and answers. */
export const doorBugs: readonly QuickBug[] = [
  {
    name: 'the stream is not reviewed after a second hello',
    edits: [
      {
        file: device,
        from: '    this.#endReview()\n    this.#admission = new',
        to: '    if (this.#admission) return\n    this.#admission = new',
      },
    ],
    test: hello,
    named: 'F4, W8: after a second hello',
  },
  {
    name: 'the sign-in of an earlier hello still ends the socket',
    edits: [
      {
        file: device,
        from: '    this.#endReview()\n    this.#admission = new',
        to: '    this.#admission = new',
      },
    ],
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
    edits: [{ file: device, from: '      this.#helloAt = performance.now()\n', to: '' }],
    test: hello,
    named: 'F4: a second hello is checked',
  },
  {
    name: 'a device that has gone is still reviewed',
    edits: [
      {
        file: device,
        from: '    this.#endReview()\n    this.#room',
        to: '    this.#room',
      },
    ],
    test: hello,
    named: 'W9: a device that leaves',
  },
  {
    name: 'a device that comes from a new epoch begins anew once more',
    edits: [
      {
        file: states,
        from: '  placing: {\n    ...inside,',
        to: "  placing: {\n    ...inside,\n    reset: ({ attempt }) => beginAnew(attempt + 1, 'epoch'),",
      },
    ],
    test: 'src/native/stream/stream-device.db.test.ts',
    named: 'L20, F2',
  },
  {
    name: 'the result of an earlier hello still counts',
    edits: [{ file: states, from: "'attempt' in event && event.attempt !== attemptOf(state)", to: 'false' }],
    test: 'src/native/stream/device-states.test.ts',
    named: 'F1, F4: the result of an earlier attempt',
  },
  {
    name: 'a hello in the room forgets that the device is there',
    edits: [{ file: states, from: 'hello: check(true),', to: 'hello: check(false),' }],
    test: 'src/native/stream/device-states.test.ts',
    named: 'F1, F2, F4: in each state',
  },
  {
    name: 'a socket that is let in while the process stops is not sent away',
    edits: [
      {
        file: 'src/sockets/socket-door.ts',
        from: '    if (!this.#isStopping) return socket.begin()\n',
        to: '    return socket.begin()\n',
      },
    ],
    test: 'src/sockets/socket-door.test.ts',
    named: 'F5, W11: a door that closes',
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
        file: 'src/ios/sockets/ios-socket.ts',
        from: 'else this.session.awaitSignIn(() => this.session.close(...iosEndings.noToken))',
        to: 'else this.session.awaitSignIn(() => undefined)',
      },
    ],
    test: 'src/ios/sockets/sockets.db.test.ts',
    named: 'W1: who says nothing',
  },
]
