type Bytes = Uint8Array | ArrayBuffer;
/** A picture to send. Its type is found by its content, so that bytes suffice. */
export type ImageFile = Blob | Bytes | { data: Blob | Bytes; name?: string; type?: string };

/** A multipart body: the fields as one JSON text, then the files. */
export async function filesForm(fields: object, files: ImageFile[]): Promise<FormData> {
  const form = new FormData();
  form.set("instructions", JSON.stringify(fields));
  for (const [index, file] of files.entries()) {
    form.append("files", await toBlob(file), (file as { name?: string }).name || `image-${index}`);
  }
  return form;
}

/** With a type: the one that is told, else what its first bytes say. */
export async function toBlob(file: ImageFile): Promise<Blob> {
  const isPlain = file instanceof Blob || file instanceof ArrayBuffer || ArrayBuffer.isView(file);
  const { data, type = "" } = isPlain ? { data: file } : file;
  const blob = data instanceof Blob && type === "" ? data : new Blob([data as BlobPart], { type });
  if (blob.type !== "") return blob;
  return blob.slice(0, blob.size, typeOf(new Uint8Array(await blob.slice(0, 4).arrayBuffer())));
}

/** Empty for what the API would refuse anyway. */
function typeOf([first, second]: Uint8Array): string {
  if (first === 0x89 && second === 0x50) return "image/png";
  if (first === 0xff && second === 0xd8) return "image/jpeg";
  return first === 0x52 && second === 0x49 ? "image/webp" : "";
}
