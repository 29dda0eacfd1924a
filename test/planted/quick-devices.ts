import type { QuickBug } from './quick.ts'

const grants = 'src/staff/devices/grants.ts'
const proving = 'src/staff/devices/prove-pin.ts'
const signingIn = 'src/staff/devices/device-sign-in.ts'
const identities = 'src/staff/access/identify.ts'
const devices = 'src/staff/devices/devices.db.test.ts'
const people = 'client/people.ts'
const onDevice = 'client/people.db.test.ts'

/** Of shared devices and the people on them: what one device, house or person could do with what is another's. */
export const deviceBugs: readonly QuickBug[] = [
  {
    name: 'a grant counts on every device of the house',
    edits: [
      {
        file: grants,
        from: 'restaurantId !== device.restaurantId || deviceId !== device.deviceId',
        to: 'restaurantId !== device.restaurantId || deviceId === undefined',
      },
    ],
    test: devices,
    named: 'A23: a proof counts on its device only',
  },
  {
    name: 'a grant outlives the PIN that it was given for',
    edits: [{ file: grants, from: ' && pinMark(person.pinHash).equals(mark)', to: ' && mark.length > 0' }],
    test: devices,
    named: 'A23: a proof counts on its device only',
  },
  {
    name: "a grant outlives the end of the person's sign-ins",
    edits: [{ file: grants, from: 'person?.generation === generation', to: 'person !== undefined && generation >= 0' }],
    test: devices,
    named: 'A23: a proof counts on its device only',
  },
  {
    name: 'a revoked device reads on',
    edits: [{ file: signingIn, from: ' and d.paired_at is not null and d.revoked_at is null`', to: '`' }],
    test: devices,
    named: 'A21: a revoked device can do nothing',
  },
  {
    name: 'a revoked device renews its tokens',
    edits: [{ file: signingIn, from: 'if (!found || found.isRevoked) return null', to: 'if (!found) return null' }],
    test: devices,
    named: 'A21: a revoked device can do nothing',
  },
  {
    name: 'the contract takes a device for a person',
    edits: [{ file: identities, from: " && knows === 'people' ? null", to: " && token === '' ? null" }],
    test: devices,
    named: 'A21: a device reads as a host does',
  },
  {
    name: 'a device acts for the staff of another house',
    edits: [{ file: 'src/native/door.ts', from: "() => restaurantId, 'devices')", to: "'own', 'devices')" }],
    test: devices,
    named: 'A21: a device of one restaurant can do nothing in another',
  },
  {
    name: 'a PIN counts as tried only once it was checked',
    edits: [{ file: proving, from: '[...key, failures + 1, now])', to: '[...key, failures, now])' }],
    test: devices,
    named: 'A22: after five wrong PINs',
  },
  {
    name: 'what was done on a device is sent as whoever stands there now',
    edits: [
      {
        file: people,
        from: 'this.#known.get(staffId)?.grant ?? null',
        to: 'this.#known.get(this.#acting ?? staffId)?.grant ?? null',
      },
    ],
    test: onDevice,
    named: 'D24: what Ana left unsent',
  },
  {
    name: 'a wrong PIN without a network is forgotten at a restart',
    edits: [{ file: people, from: '    await this.#keep(tried)\n', to: '    this.#known.set(staffId, tried)\n' }],
    test: onDevice,
    named: 'D25: without a network only who was here',
  },
]
