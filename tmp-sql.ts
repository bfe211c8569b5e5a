import * as a from './migrations/Migration20261130100200_alphabet.ts';
import * as b from './migrations/Migration20261201200000_words.ts';
const out:string[]=[];
for (const m of [a,b]) for (const C of Object.values(m) as any[]) { const x=new C(undefined,undefined); x.up(); out.push(...x.getQueries()); }
process.stdout.write(out.map((q:any)=>(typeof q==='string'?q:q.sql)+';\n').join(''));
