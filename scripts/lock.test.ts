import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { completed, lockFile, missingFrom, type Lock } from './lock.ts'

test('package-lock.json has what npm ci asks for; if not: npx tsx scripts/lock.ts', () => {
  expect(missingFrom(JSON.parse(readFileSync(lockFile, 'utf8')) as Lock)).toEqual([])
})

test('what is missing is added with the platform of its name', () => {
  const optionalDependencies = {
    'x-linux-arm64-musl': '1.0.0',
    'x-linux-arm-gnueabihf': '1.0.0',
    'x-win32-x64-msvc': '1.0.0',
    'x-darwin-x64': '1.0.0',
    'x-android-arm-eabi': '1.0.0',
  }
  const lock: Lock = { packages: { 'node_modules/x': { dev: true, optionalDependencies } } }
  const { packages } = completed(lock)
  expect(missingFrom({ packages })).toEqual([])
  expect(packages).toMatchObject({
    'node_modules/x-linux-arm64-musl': { version: '1.0.0', os: ['linux'], cpu: ['arm64'], libc: ['musl'], dev: true },
    'node_modules/x-linux-arm-gnueabihf': { os: ['linux'], cpu: ['arm'], libc: ['glibc'] },
    'node_modules/x-win32-x64-msvc': { os: ['win32'], cpu: ['x64'], optional: true },
    'node_modules/x-darwin-x64': { os: ['darwin'], cpu: ['x64'] },
    'node_modules/x-android-arm-eabi': { os: ['android'], cpu: ['arm'] },
  })
})
