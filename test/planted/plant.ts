import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build, folder, repository } from '../process/server.ts'

/** Copies of the built server, each with one bug in its source. */

/** One exact text of a file below `src`, and what stands there instead. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** What `plant` made: where each copy is. They end with the test. */
export interface Copies {
  /** Without a bug. */
  readonly sound: string
  /** The copy with the edits of this place in the list. */
  of(index: number): string
}

/** Makes a copy without a bug and one for each list of edits. Throws when a text that is to be replaced isn't found exactly once: then the list is out of date. */
export async function plant(bugs: readonly (readonly Edit[])[]): Promise<Copies> {
  const root = await folder()
  const edited = await Promise.all(bugs.map((edits) => edit(edits)))
  await Promise.all([build(), compile(root, edited)])
  const of = (index: number) => join(root, `copy-${index}`)
  const sound = join(root, 'copy-sound')
  for (const copy of [sound, ...bugs.keys()].map((each) => (typeof each === 'number' ? of(each) : each))) {
    await mkdir(copy)
    for (const name of ['dist', 'package.json', 'migrations'])
      await cp(join(repository, name), join(copy, name), { recursive: true })
    await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'))
  }
  for (const index of bugs.keys()) await cp(join(root, 'js', `${index}`), join(of(index), 'dist'), { recursive: true })
  return { sound, of }
}

async function edit(edits: readonly Edit[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (const { file, from, to } of edits) {
    const text = texts.get(file) ?? (await readFile(join(repository, 'src', file), 'utf8'))
    const found = text.split(from).length - 1
    if (found !== 1) throw new Error(`in ${file} this is to be replaced and found ${found} times:\n${from}`)
    texts.set(
      file,
      text.replace(from, () => to),
    )
  }
  return texts
}

/** The edited files alone, without looking at types or at what they import. */
async function compile(root: string, edited: readonly Map<string, string>[]): Promise<void> {
  for (const [index, texts] of edited.entries())
    for (const [file, text] of texts) {
      const path = join(root, 'ts', `${index}`, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
  const compilerOptions = {
    rootDir: 'ts',
    outDir: 'js',
    noCheck: true,
    noResolve: true,
    noEmitOnError: false,
    incremental: false,
    tsBuildInfoFile: null,
    sourceMap: false,
    types: [],
  }
  const settings = { extends: join(repository, 'tsconfig.build.json'), compilerOptions, include: ['ts'], exclude: [] }
  await writeFile(join(root, 'tsconfig.json'), JSON.stringify(settings))
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  const compiler = join(repository, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', root])
}
