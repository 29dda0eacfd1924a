// Replays recorded scenes against a running QTable server and reports every difference.
// usage: node --experimental-websocket replay.mjs BASE_URL SCENES.json [--only NAME] [--verbose] [--anonymous-sockets]
// Node 20+, no dependencies. Exit code 0 when everything is the same, else 1.
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'

const DEADLINE_MS = 3000 // how long an expected message may take
const SETTLE_MS = 25 // how long to listen on for unwanted messages after a step that may send some
const EXTRA_OK = new Set(['table_updated', 'guest_updated'])
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))
const show = (x, n = 110) => {
  const s = JSON.stringify(x) ?? 'nothing'
  return s.length > n ? s.slice(0, n) + '…' : s
}

// ---------------------------------------------------------------- placeholders and comparison
export const fill = (x, vars) =>
  typeof x === 'string'
    ? x.replace(/\{([A-Za-z_]\w*)\}/g, (m, v) => vars[v] ?? m)
    : Array.isArray(x)
      ? x.map((i) => fill(i, vars))
      : x && typeof x === 'object'
        ? Object.fromEntries(Object.entries(x).map(([k, v]) => [fill(k, vars), fill(v, vars)]))
        : x

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/
// YYYY-MM-DDTHH:MM:SS[.ffffff]SUFFIX; the six digits may be left out when they are all zero
function timeProblem(format, text) {
  const suffix = format.replace(/^YYYY-MM-DD[T ]HH:MM:SS(\.f+)?/, '')
  const m = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{6})?(.*)$/.exec(text)
  if (!m || m[4] !== suffix) return `time like ${format}`
  if (Math.abs(Date.parse(`${m[1]}T${m[2]}Z`) - Date.now()) > 15 * 60e3) return `the present time in UTC like ${format}`
}
const instant = (s) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(s) ? s : s + 'Z')

class Rules {
  // the step's "loose" and "unordered" paths; [*] stands for any index
  constructor(step) {
    this.list = [
      ...(step?.loose ?? []).map((l) => ({ how: 'any', ...l })),
      ...(step?.unordered ?? []).map((p) => ({ path: p, how: 'unordered' })),
    ].map((l) => ({
      how: l.how,
      re: new RegExp(
        '^' +
          l.path
            .split('[*]')
            .map((s) => s.replace(/[.+?^${}()|[\]\\*]/g, '\\$&'))
            .join('\\[\\d+\\]') +
          '$',
      ),
    }))
  }
  has(path, how) {
    return this.list.some((l) => l.how === how && l.re.test(path))
  }
}

// out gets one text per difference; new placeholders are bound in vars
export function compare(want, got, path, rules, vars, out) {
  if (rules.has(path, 'any')) return
  const differ = () => out.push(`${path}: want ${show(fill(want, vars))} got ${show(got)}`)
  if (typeof want === 'string') {
    if (want === '<any>') return
    if (typeof got !== 'string') return void differ()
    const whole = /^\{([A-Za-z_]\w*)\}$/.exec(want)
    if (whole && vars[whole[1]] === undefined) {
      if (!got) return void differ()
      vars[whole[1]] = got
      return
    }
    if (want === '<text>') return got ? undefined : void differ()
    if (want === '<uuid>') return UUID.test(got) ? undefined : void differ()
    if (want === '<jwt>') return JWT.test(got) ? undefined : void differ()
    const now = /^<now:(.*)>$/.exec(want)
    if (now) {
      const p = timeProblem(now[1], got)
      if (p) out.push(`${path}: want ${p} got ${show(got)}`)
      return
    }
    const w = fill(want, vars)
    if (w === got) return
    if (rules.has(path, 'nocase') && w.toLowerCase() === got.toLowerCase()) return
    if (rules.has(path, 'instant') && instant(w) === instant(got)) return
    return void differ()
  }
  if (typeof want === 'number' && typeof got === 'number')
    return Math.abs(want - got) <= 1e-6 ? undefined : void differ()
  if (Array.isArray(want)) {
    if (!Array.isArray(got)) return void differ()
    const subset = rules.has(path, 'subset')
    const unordered = rules.has(path, 'unordered')
    if (!subset && want.length !== got.length)
      return void out.push(`${path}: want ${want.length} items got ${got.length}: ${show(got)}`)
    if (!subset && !unordered) return want.forEach((w, i) => compare(w, got[i], `${path}[${i}]`, rules, vars, out))
    const left = got.map((g, i) => i)
    let from = -1
    want.forEach((w, i) => {
      let best
      for (const j of left) {
        if (!unordered && j <= from) continue
        const v = { ...vars }
        const o = []
        compare(w, got[j], `${path}[${i}]`, rules, v, o)
        if (!o.length) {
          Object.assign(vars, v)
          left.splice(left.indexOf(j), 1)
          from = j
          return
        }
        if (!best || o.length < best.length) best = o
      }
      out.push(
        best
          ? `${path}[${i}]: no such item; nearest: ${best.join('; ')}`
          : `${path}[${i}]: no such item ${show(fill(w, vars))}`,
      )
    })
    return
  }
  if (want && typeof want === 'object') {
    if (!got || typeof got !== 'object' || Array.isArray(got)) return void differ()
    const keys = new Map(Object.keys(want).map((k) => [fill(k, vars), k]))
    for (const [k, shapeKey] of keys) {
      if (k in got) compare(want[shapeKey], got[k], `${path}.${k}`, rules, vars, out)
      else if (!rules.has(`${path}.${k}`, 'any'))
        out.push(`${path}.${k}: missing, want ${show(fill(want[shapeKey], vars))}`)
    }
    for (const k of Object.keys(got))
      if (!keys.has(k) && !rules.has(`${path}.${k}`, 'any')) out.push(`${path}.${k}: extra, got ${show(got[k])}`)
    return
  }
  if (want !== got) differ()
}

// 422: only loc, type and msg of each item count; an item sent twice counts once
function items422(body) {
  if (!Array.isArray(body?.detail)) return body
  const seen = new Set()
  const detail = []
  for (const { loc, type, msg } of body.detail) {
    const s = JSON.stringify([loc, type, msg])
    if (!seen.has(s)) {
      seen.add(s)
      detail.push({ loc, type, msg })
    }
  }
  return { detail }
}

// ---------------------------------------------------------------- the wire
export class Session {
  // one scene's placeholders, tokens and sockets
  constructor(base, { anonymous = false } = {}) {
    this.base = base.replace(/\/$/, '')
    this.anonymous = anonymous
    this.vars = {
      run: 'r' + randomBytes(5).toString('hex'),
      base: this.base,
      ago25: new Date(Date.now() - 25 * 60e3).toISOString().slice(0, 19),
    }
    this.tokens = {}
    this.sockets = {}
    this.inbox = { realtime: [], sync: [] }
    this.wake = () => {}
  }

  prepare(request) {
    const headers = {}
    let data
    if (request.raw !== undefined) data = fill(request.raw, this.vars)
    else if (request.body !== undefined) data = JSON.stringify(fill(request.body, this.vars))
    if (data !== undefined) headers['Content-Type'] = 'application/json'
    for (const [k, v] of Object.entries(request.headers ?? {})) {
      const name = Object.keys(headers).find((h) => h.toLowerCase() === k.toLowerCase()) ?? k
      if (v === null) delete headers[name]
      else headers[name] = fill(v, this.vars)
    }
    if (request.auth) headers.Authorization = `Bearer ${this.tokens[request.auth] ?? fill(request.auth, this.vars)}`
    if (data !== undefined) headers['Content-Length'] = Buffer.byteLength(data)
    return { headers, data }
  }

  http(method, path, headers, data) {
    const url = new URL(this.base + path)
    return new Promise((resolve, reject) => {
      const req = (url.protocol === 'https:' ? https : http).request(
        this.base + path,
        { method, headers, agent: false, timeout: 20000 },
        (res) => {
          const parts = []
          res.on('data', (d) => parts.push(d))
          res.on('error', reject)
          res.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            let body
            try {
              body = JSON.parse(text)
            } catch {
              body = text
            }
            resolve({ status: res.statusCode, headers: res.headers, body, text })
          })
        },
      )
      req.on('upgrade', (res, socket) => {
        socket.destroy()
        resolve({ status: 101, headers: res.headers, body: '', text: '' })
      })
      req.on('timeout', () => req.destroy(new Error('no answer within 20 s')))
      req.on('error', reject)
      if (data !== undefined) req.write(data)
      req.end()
    })
  }

  open(label, path) {
    const ws = (this.sockets[label] = new WebSocket(this.base.replace(/^http/, 'ws') + path))
    ws.onmessage = (e) => {
      let m
      try {
        m = JSON.parse(e.data)
      } catch {
        m = String(e.data)
      }
      if (m?.type !== 'heartbeat') this.inbox[label].push(m)
      this.wake()
    }
    return new Promise((resolve) => {
      ws.onopen = () => resolve(null)
      ws.onerror = () => resolve(`${label}: the socket was refused (${path.replace(/token=.*/, 'token=…')})`)
      ws.onclose = () => {
        ws.gone = true
        resolve(`${label}: the socket was closed`)
        this.wake()
      }
      setTimeout(() => resolve(`${label}: the socket did not open`), 5000).unref()
    })
  }

  // performs a step's request; returns { status, headers, body, problems }
  async perform(step) {
    const r = step.request
    const problems = []
    if (r.method === 'SEND') {
      // path names the socket, raw is the text frame
      const ws = this.sockets[r.path]
      if (!ws || ws.readyState !== 1) problems.push(`${r.path}: the socket is not open`)
      else ws.send(fill(r.raw, this.vars))
      return { problems }
    }
    const path = fill(r.path, this.vars)
    let res
    try {
      if (r.method === 'UPGRADE') {
        res = await this.http('GET', path, {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
          ...this.prepare({ ...r, body: undefined }).headers,
        })
        res.body = ''
      } else {
        const { headers, data } = this.prepare(r)
        res = await this.http(r.method, path, headers, data)
      }
    } catch (e) {
      return { problems: [`request failed: ${e.message}`] }
    }
    if (r.path === '/auth/login' && res.status === 200 && res.body?.access_token) {
      const label =
        (/^\{(\w+)\}$/.exec(step.expect?.shape?.restaurant_id ?? '') ?? [])[1] ??
        Object.keys(this.vars).find((k) => this.vars[k] === res.body.restaurant_id)
      if (label) {
        this.tokens[label] = this.vars[label + '_token'] = res.body.access_token
        if (label === 'A' && !this.sockets.realtime) {
          const t = this.anonymous ? '' : `&token=${res.body.access_token}`
          for (const [l, p] of [
            ['realtime', `/realtime?restaurant_id=${res.body.restaurant_id}${t}`],
            ['sync', `/ws/restaurant/sync?restaurant_id=${this.anonymous ? 1 : res.body.restaurant_id}${t}`],
          ]) {
            const problem = await this.open(l, p)
            if (problem) problems.push(problem)
          }
          if (this.anonymous) await sleep(200) // the original settles its shared Redis subscription a moment after the first message
        }
      }
    }
    return { ...res, problems }
  }

  // expected messages must arrive in order; returns what is missing and what else came
  match(label, wanted, rules, vars) {
    const box = this.inbox[label]
    const used = new Set()
    const missing = []
    let from = -1
    wanted.forEach((w, i) => {
      for (let j = from + 1; j < box.length; j++) {
        const v = { ...vars }
        const o = []
        compare(w, box[j], `${label}[${i}]`, rules, v, o)
        if (!o.length) {
          Object.assign(vars, v)
          used.add(j)
          from = j
          return
        }
      }
      missing.push(i)
    })
    return { missing, rest: box.filter((_, j) => !used.has(j)) }
  }

  async messages(step, patience) {
    const rules = new Rules(step)
    const end = Date.now() + patience
    const out = []
    let extra = 0
    let late = false
    const all = () =>
      ['realtime', 'sync'].every((l) => !this.match(l, step[l] ?? [], rules, { ...this.vars }).missing.length)
    while (!all()) {
      const left = end - Date.now()
      if (
        left <= 0 ||
        ['realtime', 'sync'].some((l) => step[l]?.length && (!this.sockets[l] || this.sockets[l].gone))
      ) {
        late = true
        break
      }
      await new Promise((resolve) => {
        this.wake = resolve
        setTimeout(resolve, left)
      })
    }
    if (step.request.method !== 'GET') await sleep(SETTLE_MS)
    for (const label of ['realtime', 'sync']) {
      const wanted = step[label] ?? []
      const { missing, rest } = this.match(label, wanted, rules, this.vars)
      for (const i of missing) {
        let best
        let at
        rest.forEach((m, j) => {
          if (m?.type !== wanted[i].type) return
          const o = []
          compare(wanted[i], m, `${label}[${i}]`, rules, { ...this.vars }, o)
          if (!best || o.length < best.length) {
            best = o
            at = j
          }
        })
        if (best && best.length < Object.keys(wanted[i]).length) {
          rest.splice(at, 1)
          out.push(...best)
        } else
          out.push(
            `${label}[${i}]: missing message ${wanted[i].type}${wanted[i].action ? ' ' + wanted[i].action : ''}, got ${rest.length ? rest.map((m) => [m?.type, m?.action].filter(Boolean).join(' ') || show(m)).join(', ') : 'nothing'}`,
          )
      }
      for (const m of rest)
        if (EXTRA_OK.has(m?.type)) extra++
        else out.push(`${label}: message not wanted: ${show(m)}`)
      this.inbox[label].length = 0
    }
    return { out, extra, late }
  }

  async close() {
    await Promise.all(
      Object.values(this.sockets).map(
        (ws) =>
          new Promise((resolve) => {
            if (ws.gone || ws.readyState === 3) return resolve()
            ws.onclose = resolve
            setTimeout(resolve, 1000)
            ws.close()
          }),
      ),
    )
  }
}

export function compareAnswer(step, res, vars, base) {
  const e = step.expect
  const out = []
  const rules = new Rules(step)
  if (!e || res.status === undefined) return out
  if (step.request.method === 'UPGRADE') {
    // any refusal is as good as another
    if (e.status !== res.status && !(e.status >= 400 && res.status >= 400 && res.status < 500))
      out.push(`status: want ${e.status} got ${res.status}`)
    return out
  }
  if (e.status !== res.status) {
    out.push(`status: want ${e.status} got ${res.status} ${show(res.text, 160)}`)
    return out
  }
  for (const [k, v] of Object.entries(e.headers ?? {})) {
    let got = res.headers[k]
    let want = fill(v, vars)
    if (k === 'location' && got) {
      got = new URL(got, base).href
      want = new URL(want, base).href
    }
    if (k === 'allow' && got) {
      got = got
        .split(/\s*,\s*/)
        .sort()
        .join(', ')
      want = want
        .split(/\s*,\s*/)
        .sort()
        .join(', ')
    }
    if (got !== want) out.push(`header ${k}: want ${show(want)} got ${show(got)}`)
  }
  if (e.status === 422) compare(items422(e.shape), items422(res.body), '$', rules, vars, out)
  else compare(e.shape, res.body, '$', rules, vars, out)
  return out
}

export async function playScene(base, scene, options = {}) {
  const s = new Session(base, options)
  const results = []
  let extra = 0
  let misses = 0
  for (const step of scene.steps) {
    const res = await s.perform(step)
    const out = [...res.problems, ...compareAnswer(step, res, s.vars, s.base)]
    const m = await s.messages(step, misses > 3 ? 400 : DEADLINE_MS)
    if (m.late) misses++
    extra += m.extra
    out.push(...m.out)
    results.push({ step, out })
  }
  await sleep(120) // anything still on its way?
  const late = await s.messages({ request: { method: 'GET' } }, 0)
  extra += late.extra
  if (late.out.length) results.at(-1).out.push(...late.out.map((t) => 'after the last step: ' + t))
  await s.close()
  if (options.anonymous) await sleep(200) // the original drops the old subscription a moment after the socket closed
  return { results, extra }
}

// ---------------------------------------------------------------- command line
async function main() {
  const args = process.argv.slice(2)
  let only
  const i = args.indexOf('--only')
  if (i >= 0) [, only] = args.splice(i, 2)
  const [base, file] = args.filter((a) => !a.startsWith('--'))
  const verbose = args.includes('--verbose')
  if (!base || !file) {
    console.error(
      'usage: node --experimental-websocket replay.mjs BASE_URL SCENES.json [--only NAME] [--verbose] [--anonymous-sockets]',
    )
    process.exit(2)
  }
  if (typeof WebSocket === 'undefined') {
    console.error('start node with --experimental-websocket')
    process.exit(2)
  }
  const scenes = JSON.parse(fs.readFileSync(file, 'utf8')).filter((s) => !only || s.name === only)
  if (!scenes.length) {
    console.error('no such scene')
    process.exit(2)
  }
  let sameScenes = 0
  let sameSteps = 0
  let steps = 0
  let extra = 0
  for (const scene of scenes) {
    const anonymous = args.includes('--anonymous-sockets')
    let r = await playScene(base, scene, { anonymous })
    // the reference now and then leaves a dead listener behind a closed socket, and the next restaurant hears nothing: play once more
    const texts = r.results.flatMap((x) => x.out)
    if (anonymous && texts.length && texts.every((t) => /^realtime\[\d+\]: missing message .* got nothing$/.test(t))) {
      console.log(`REPEATED ${scene.name}: ${texts.length} realtime messages were missing, the first: ${texts[0]}`)
      r = await playScene(base, scene, { anonymous })
    }
    extra += r.extra
    steps += r.results.length
    const bad = r.results.filter((x) => x.out.length)
    sameSteps += r.results.length - bad.length
    if (!bad.length) sameScenes++
    for (const { step, out } of bad)
      console.log(
        `DIFFER ${scene.name} / ${step.name} [${step.request.method} ${step.request.path}]: ${verbose ? out.join(' | ') : out.slice(0, 3).join(' | ') + (out.length > 3 ? ` | and ${out.length - 3} more` : '')}`,
      )
    if (verbose)
      console.log(
        `${bad.length ? 'differ' : 'same  '} ${scene.name}: ${r.results.length - bad.length} of ${r.results.length} steps, ${r.extra} extra messages`,
      )
  }
  console.log(
    `scenes: ${sameScenes} same of ${scenes.length}; steps: ${sameSteps} same of ${steps}; extra messages: ${extra}`,
  )
  process.exit(sameScenes === scenes.length ? 0 : 1)
}
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main()
