using System.Text.Json.Nodes;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Resources;

/// <summary>Makes the service's configuration what a file says; run twice, the second time changes nothing.</summary>
internal sealed class Applier(ApiClient client, DocumentKind kind)
{
    /// <summary>Takes a start or an end in the past.</summary>
    public bool Force { get; init; }

    /// <summary>Says for each document whether it was created, changed or unchanged. Throws with every fault of the file.</summary>
    public async Task ApplyAsync(string file, CancellationToken cancel)
    {
        var (documents, lines) = await ReadAsync(file, cancel);
        var faults = new List<string>();
        foreach (var document in documents)
        {
            var known = await client.FindAsync(document.Path, cancel) is { } found ? JsonNode.Parse(found.GetRawText()) as JsonObject : null;
            if (IsSame(document.Body, known))
            {
                Console.Out.WriteLine($"{Tables.Inert(document.Id)} unchanged");
                continue;
            }

            var (answer, refused) = await client.PutAsync(document.Path + (Force ? "?force=true" : ""), document.Body.ToJsonString(), cancel);
            faults.AddRange(refused.Select(fault => lines.Place(file, PathOf(document, fault), $"{document.Where}: {fault.Text}")));
            if (refused.Count > 0) continue;
            Console.Out.WriteLine($"{Tables.Inert(document.Id)} {(IsNew(known) ? "created" : Tables.Text(answer, "changed") == "false" ? "unchanged" : "changed")}");
            if (kind == DocumentKind.Webhooks && Tables.Text(answer, "secret") is { Length: > 0 } secret) Console.Out.WriteLine($"  secret (shown once): {secret}");
        }

        if (faults.Count > 0) throw Faulty(file, faults);
    }

    /// <summary>The documents of the file and their lines. Throws with every fault that can be told without the service.</summary>
    public async Task<(List<Document> Documents, YamlLines Lines)> ReadAsync(string file, CancellationToken cancel)
    {
        string text;
        try
        {
            text = file == "-" ? await Console.In.ReadToEndAsync(cancel) : await File.ReadAllTextAsync(file, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The file '{file}' can not be read: {e.Message}", inner: e);
        }

        var reader = new DocumentReader(kind);
        var documents = reader.Read(YamlJson.Read(text, file, out var lines));
        if (kind == DocumentKind.Prices) reader.Faults.AddRange(VersionOverlaps.Of(documents));
        if (reader.Faults.Count > 0) throw Faulty(file, reader.Faults.ConvertAll(fault => lines.Place(file, fault)));
        return (documents, lines);
    }

    // A fault that names no field begins with it. Where all of a kind is one document, its fields have their whole path.
    private string PathOf(Document document, ApiFault fault)
    {
        var field = fault.Field.Length > 0 ? fault.Field : fault.Text.Split(' ', 2)[0].Trim('\'');
        return kind.IdField is null ? field.StartsWith(kind.Root, StringComparison.Ordinal) ? field : kind.Root : $"{document.Where.Split(' ')[0]}.{field}";
    }

    // An empty list of rules is what a new ledger has.
    private bool IsNew(JsonObject? known) => known is null || (kind.IdField is null && known[kind.Root] is JsonArray { Count: 0 });

    internal bool IsSame(JsonObject wanted, JsonObject? known)
    {
        if (known is null) return false;
        foreach (var field in kind.IdField is null ? [kind.Root] : kind.Fields.Where(name => name.IndexOfAny(['.', '[']) < 0 && name != kind.IdField))
        {
            if (kind.Secrets.Contains(field))
            {
                if (wanted.ContainsKey(field) || (known.ContainsKey(field) && field != "secret")) return false;
                continue;
            }

            var value = wanted[field] ?? (kind.Defaults.TryGetValue(field, out var otherwise) ? JsonNode.Parse(otherwise) : null);
            if (!JsonSame.Of(value, known[field])) return false;
        }

        return kind != DocumentKind.Webhooks || known["disabled"] is null;
    }

    /// <summary>All faults as one error; each begins with file and line.</summary>
    public static UserErrorException Faulty(string file, IReadOnlyList<string> faults) => new(faults.Count == 1 ? faults[0] : $"{file} has {faults.Count} faults:\n  " + string.Join("\n  ", faults));
}
