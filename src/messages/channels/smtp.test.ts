import { expect, test } from 'vitest'
import { needsMailServer, openMailServer, openStubbornMailServer } from '../../../test/mail-server.ts'
import { parcel } from '../../../test/messages.ts'
import type { Outcome } from './channel.ts'
import { SmtpSender } from './smtp.ts'

test('X11: a mail server of Debian takes e-mails; a repeat has the same Message-ID and is marked', async (context) => {
  needsMailServer(context)
  const server = await openMailServer()
  try {
    const sender = new SmtpSender({ url: server.url, from: 'Cedar & Salt <table@cedar.example>' })
    const first = parcel({
      recipient: 'ada@guest.example',
      subject: 'Ihr Tisch für <Ada> ist frei',
      body: 'Ada <b>, see https://qtable.example/g/1?a=1&b=2',
      variables: { link: 'https://qtable.example/g/1?a=1&b=2' },
    })
    let sent: Outcome = { kind: 'later', why: '' }
    await expect.poll(async () => (sent = await sender.send(first)).kind, { interval: 100 }).toBe('sent')
    await sender.send({ ...first, attempt: 2 })
    const mails = await server.mails()
    expect(mails).toHaveLength(2)
    const headerOf = (name: string) => mails.map((mail) => new RegExp(`^${name}: (.*)$`, 'im').exec(mail)?.[1])
    expect(sent).toEqual({ kind: 'sent', reference: `<${first.id}@cedar.example>` })
    expect(headerOf('Message-ID')).toEqual([`<${first.id}@cedar.example>`, `<${first.id}@cedar.example>`])
    expect(headerOf('X-QTable-Attempt')).toEqual(['1', '2'])
    expect(headerOf('To')).toEqual(['ada@guest.example', 'ada@guest.example'])
    expect(headerOf('X-RcptTo')).toEqual(['ada@guest.example', 'ada@guest.example'])
    expect(headerOf('From')).toEqual(['"Cedar & Salt" <table@cedar.example>', '"Cedar & Salt" <table@cedar.example>'])
    const [plain, html] = mails[0]!.split(/Content-Type: text\/html/)
    expect(plain).toContain('Ada <b>, see https://qtable.example')
    expect(html).toContain('Ada &lt;b&gt;, see')
  } finally {
    await server.close()
  }
})

test('X11: no recipient is a list, a header or a second address', async () => {
  const sender = new SmtpSender({ url: 'smtp://127.0.0.1:1', from: 'a@b.example' })
  for (const recipient of [
    '',
    'ada',
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    'Ada <a@b.example>',
  ])
    expect(await sender.send(parcel({ recipient }))).toMatchObject({ kind: 'refused' })
  expect(await sender.send(parcel({ recipient: 'a@b.example' }))).toEqual({
    kind: 'later',
    why: 'the mail server: ESOCKET',
  })
})

test('X11: what a mail server refuses is given up, a recipient that it puts off waits alone, and the rest waits', async () => {
  const cases: [answers: Record<string, string>, outcome: object][] = [
    [{ RCPT: '550 no such user' }, { kind: 'refused', why: 'the mail server: 550' }],
    [{ RCPT: '451 greylisted' }, { kind: 'put-off', why: 'the mail server: 451' }],
    [{ MAIL: '550 you may not' }, { kind: 'later', why: 'the mail server: 550' }],
    [{ GREETING: '421 busy' }, { kind: 'later', why: 'the mail server: 421' }],
    [
      { EHLO: '500 no', HELO: '500 no' },
      { kind: 'later', why: 'the mail server: 500' },
    ],
  ]
  for (const [answers, outcome] of cases) {
    const server = await openStubbornMailServer(answers)
    const sender = new SmtpSender({ url: server.url, from: 'a@b.example' })
    expect(await sender.send(parcel({ recipient: 'ada@guest.example' })), JSON.stringify(answers)).toEqual(outcome)
    await server.close()
  }
})
