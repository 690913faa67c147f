/** A picture to send. Its type is found by its content, so that bytes suffice. */
export type ImageFile =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | { data: Blob | Uint8Array | ArrayBuffer; name?: string; type?: string };

/** A multipart body: the fields as one JSON text, then the files. */
export function filesForm(fields: object, files: ImageFile[]): FormData {
  const form = new FormData();
  form.set("instructions", JSON.stringify(fields));
  for (const [index, file] of files.entries()) {
    const { data, name, type } =
      file instanceof Blob || file instanceof ArrayBuffer || ArrayBuffer.isView(file)
        ? { data: file, name: (file as Partial<File>).name, type: undefined }
        : file;
    const blob =
      data instanceof Blob && type === undefined ? data : new Blob([data as BlobPart], { type: type ?? "" });
    form.append("files", blob, name || `image-${index}`);
  }
  return form;
}
