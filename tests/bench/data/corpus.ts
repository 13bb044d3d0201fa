/**
 * A corpus of reviews in parquet files, of any size, written a row group at a time.
 *
 * Texts are stored as they are: a corpus of 5 GB is 5 GB of texts as well as of files.
 *
 * @module
 */
import { fileWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { type ReviewOptions, Reviews } from "./reviews.ts";

/** Bytes of texts of a row group, and of a file. */
const GROUP = 1 << 24;
const FILE = 1 << 29;

/** What was written. */
export interface Corpus {
  readonly rows: number;
  /** Of the files, and of the texts in UTF-8. */
  readonly bytes: number;
  readonly textBytes: number;
}

const COLUMNS = [
  { name: "id", type: "INT64" },
  { name: "text", type: "STRING" },
  { name: "label", type: "INT64" },
] as const;

/**
 * Writes files `reviews-NUMBER.parquet` until there are so many bytes.
 *
 * @param folder An existing folder.
 */
export async function writeCorpus(
  folder: string,
  { bytes, ...options }: ReviewOptions & { readonly bytes: number },
): Promise<Corpus> {
  const reviews = new Reviews(options);
  let rows = 0;
  let written = 0;
  let textBytes = 0;
  for (let file = 0; written < bytes || file === 0; file++) {
    const path = `${folder}/reviews-${String(file).padStart(5, "0")}.parquet`;
    const writer = new ParquetWriter({
      writer: fileWriter(path),
      schema: schemaFromColumnData({ columnData: COLUMNS.map((each) => ({ ...each, data: [] })) }),
      codec: "UNCOMPRESSED",
    });
    let own = 0;
    while (own < FILE && written + own < bytes) {
      const ids: bigint[] = [];
      const texts: string[] = [];
      const labels: bigint[] = [];
      let group = 0;
      while (group < GROUP && written + own + group < bytes) {
        const { id, text, label } = reviews.row(rows++);
        ids.push(BigInt(id));
        texts.push(text);
        labels.push(BigInt(label));
        group += text.length;
      }
      const columnData = COLUMNS.map(({ name, type }) => ({
        ...{ name, type, encoding: "PLAIN" as const },
        data: name === "text" ? texts : name === "id" ? ids : labels,
      }));
      writer.write({ columnData, rowGroupSize: texts.length });
      own += group;
    }
    writer.finish();
    textBytes += own;
    written += (await Deno.stat(path)).size;
  }
  return { rows, bytes: written, textBytes };
}
