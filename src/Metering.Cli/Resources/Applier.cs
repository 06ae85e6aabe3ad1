using System.Globalization;
using System.Text.Json;
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
        var (documents, lines, wrong) = await LoadAsync(file, cancel);
        if (wrong.Count > 0) throw Faulty(file, [.. wrong, .. await CheckAsync(file, documents, lines, cancel)]);
        if (kind.ApplyPathOf is not null && documents.Count > 0) await TogetherAsync(file, documents, lines, cancel);
        else await OneByOneAsync(file, documents, lines, cancel);
    }

    // All or nothing: what the service refuses of one document keeps back the others.
    private async Task TogetherAsync(string file, List<Document> documents, YamlLines lines, CancellationToken cancel)
    {
        var (changed, tags, words) = (new List<Document>(), new List<string?>(), new List<(Document Document, string Word)>());
        foreach (var document in documents)
        {
            var (known, tag) = await FindAsync(document, cancel);
            var isSame = IsSame(document.Body, known);
            if (!isSame)
            {
                changed.Add(document);
                tags.Add(known is null ? "" : tag);
            }

            words.Add((document, isSame ? "unchanged" : IsNew(known) ? "created" : "changed"));
        }

        JsonElement answer = default;
        if (changed.Count > 0)
        {
            (answer, var faults) = await OfferAsync(file, changed, lines, check: false, cancel, tags);
            if (faults.Count > 0) throw Faulty(file, faults);
        }

        foreach (var (document, word) in words)
        {
            // What is secret can not be compared here: the service says whether it is another one.
            var said = answer.ValueKind == JsonValueKind.Array && changed.IndexOf(document) is >= 0 and var at && at < answer.GetArrayLength() ? answer[at] : default;
            Console.Out.WriteLine($"{Tables.Inert(document.Id)} {(word == "changed" && said.ValueKind == JsonValueKind.Object && Tables.Text(said, "changed") == "false" ? "unchanged" : word)}");
            if (said.ValueKind == JsonValueKind.Object && Tables.Text(said, "secret") is { Length: > 0 } secret) Console.Out.WriteLine($"  secret (shown once): {secret}");
        }
    }

    // Tags of what was read, empty where there was nothing: what somebody else has changed since is refused. Null: whatever they are.
    private async Task<(JsonElement Answer, List<string> Faults)> OfferAsync(string file, List<Document> documents, YamlLines lines, bool check, CancellationToken cancel, List<string?>? tags = null)
    {
        var request = new JsonObject { ["documents"] = new JsonArray([.. documents.Select((document, i) => Entry(document, tags?[i]))]) };
        var (answer, refused) = await client.OfferAsync(HttpMethod.Post, kind.ApplyPathOf!(documents[0].Path) + Query(check), request.ToJsonString(), cancel);
        return (answer, [.. refused.Select(fault => Placed(file, documents, lines, fault))]);
    }

    private JsonObject Entry(Document document, string? tag)
    {
        var entry = new JsonObject { ["id"] = document.Key, ["body"] = document.Body.DeepClone() };
        if (tag is { Length: > 0 }) entry["ifMatch"] = tag;
        else if (tag is not null && !kind.IsThereAlways) entry["ifNoneMatch"] = "*";
        return entry;
    }

    // What the service says of the rest of a file that has faults already, so that all of them are told at once.
    private async Task<List<string>> CheckAsync(string file, List<Document> documents, YamlLines lines, CancellationToken cancel)
    {
        try
        {
            if (documents.Count == 0) return [];
            if (kind.ApplyPathOf is not null) return (await OfferAsync(file, documents, lines, check: true, cancel)).Faults;
            if (!kind.HasCheck) return [];
            var (_, refused) = await client.PutAsync(documents[0].Path + Query(check: true), documents[0].Body.ToJsonString(), cancel);
            return [.. refused.Select(fault => lines.Place(file, PathOf(documents[0], fault), $"{documents[0].Where}: {fault.Text}"))];
        }
        catch (UserErrorException)
        {
            return [];
        }
    }

    private string Query(bool check) => (Force, check) switch { (true, true) => "?force=true&check=true", (true, false) => "?force=true", (false, true) => "?check=true", _ => "" };

    // A fault is told by the place among what was sent, documents[2].timeZone, and shown by that in the file.
    private string Placed(string file, List<Document> sent, YamlLines lines, ApiFault fault)
    {
        var end = fault.Field.IndexOf(']', StringComparison.Ordinal);
        if (end < 0 || !fault.Field.StartsWith("documents[", StringComparison.Ordinal) || !int.TryParse(fault.Field.AsSpan("documents[".Length, end - "documents[".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at >= sent.Count)
            return lines.Place(file, fault.Field, fault.Text);
        var inner = new ApiFault(fault.Field[(end + 1)..].TrimStart('.'), fault.Text[(end + 1)..].TrimStart('.').Trim());
        return lines.Place(file, PathOf(sent[at], inner), $"{sent[at].Where}: {inner.Text}");
    }

    private async Task<(JsonObject? Known, string? Tag)> FindAsync(Document document, CancellationToken cancel) =>
        await client.FindTaggedAsync(document.Path, cancel) is ({ } found, var tag) ? (JsonNode.Parse(found.GetRawText()) as JsonObject, tag) : (null, null);

    private async Task OneByOneAsync(string file, List<Document> documents, YamlLines lines, CancellationToken cancel)
    {
        var faults = new List<string>();
        foreach (var document in documents)
        {
            var (known, tag) = await FindAsync(document, cancel);
            if (IsSame(document.Body, known))
            {
                Console.Out.WriteLine($"{Tables.Inert(document.Id)} unchanged");
                continue;
            }

            var (answer, refused) = await client.PutAsync(document.Path + Query(check: false), document.Body.ToJsonString(), cancel, tag);
            faults.AddRange(refused.Select(fault => lines.Place(file, PathOf(document, fault), $"{document.Where}: {fault.Text}")));
            if (refused.Count > 0) continue;
            Console.Out.WriteLine($"{Tables.Inert(document.Id)} {(IsNew(known) ? "created" : Tables.Text(answer, "changed") == "false" ? "unchanged" : "changed")}");
            if (kind == DocumentKind.Ownership) Idle(answer, lines);
        }

        if (faults.Count > 0) throw Faulty(file, faults);
    }

    private static void Idle(JsonElement answer, YamlLines lines)
    {
        if (!answer.TryGetProperty("idle", out var idle) || idle.ValueKind != JsonValueKind.Array) return;
        foreach (var rule in idle.EnumerateArray().Select(item => item.GetInt32())) Console.Error.WriteLine($"metering: rules[{rule}], line {lines.Of($"rules[{rule}]")}, matches no workload that is known yet.");
    }

    /// <summary>The documents of the file and their lines. Throws with every fault that can be told without the service.</summary>
    public async Task<(List<Document> Documents, YamlLines Lines)> ReadAsync(string file, CancellationToken cancel)
    {
        var (documents, lines, wrong) = await LoadAsync(file, cancel);
        if (kind == DocumentKind.Prices) wrong.AddRange(VersionOverlaps.Of(documents).Select(fault => lines.Place(file, fault)));
        return wrong.Count > 0 ? throw Faulty(file, wrong) : (documents, lines);
    }

    private async Task<(List<Document> Documents, YamlLines Lines, List<string> Faults)> LoadAsync(string file, CancellationToken cancel)
    {
        string text;
        try
        {
            text = file == "-" ? await Console.In.ReadToEndAsync(cancel) : await File.ReadAllTextAsync(file, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The file '{file}' can not be read ({(e is FileNotFoundException or DirectoryNotFoundException ? "there is none at " + Path.GetFullPath(file) : e.Message.TrimEnd('.'))}); check the path, or give - for standard input.", inner: e);
        }

        var reader = new DocumentReader(kind);
        var documents = reader.Read(YamlJson.Read(text, file, out var lines));
        return (documents, lines, reader.Faults.ConvertAll(fault => lines.Place(file, fault)));
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
