using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Cli.Client;

namespace Metering.Cli.Resources;

/// <summary>Reads the documents of a file and lists every fault that can be told without the service.</summary>
internal sealed class DocumentReader(DocumentKind kind)
{
    public List<string> Faults { get; } = [];

    public List<Document> Read(JsonNode? root)
    {
        if (root is not JsonObject file)
        {
            Faults.Add($"the file has no '{kind.Root}:' at its top.");
            return [];
        }

        string? book = null;
        foreach (var (name, value) in file)
        {
            if (kind == DocumentKind.Prices && name == "book") book = Text(value);
            else if (name != kind.Root) Faults.Add($"'{name}' is unknown; a file of {kind.Noun} has {(kind == DocumentKind.Prices ? "'book' and " : "")}'{kind.Root}' at its top.");
        }

        if (kind == DocumentKind.Prices && string.IsNullOrEmpty(book)) Faults.Add("'book' is missing: the id of the price book.");
        if (file[kind.Root] is not JsonArray items)
        {
            Faults.Add($"'{kind.Root}' is missing, or no list.");
            return [];
        }

        return kind.IdField is null ? Whole(items) : Each(items, book);
    }

    private List<Document> Whole(JsonArray items)
    {
        var checkedItems = new JsonArray();
        for (var i = 0; i < items.Count; i++)
        {
            if (Check(items[i], $"{kind.Root}[{i}]") is { } body) checkedItems.Add(body);
        }

        return [new Document(kind.Root, kind.Noun, kind.PathOf(""), new JsonObject { [kind.Root] = checkedItems })];
    }

    private List<Document> Each(JsonArray items, string? book)
    {
        var documents = new List<Document>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            var place = $"{kind.Root}[{i}]";
            if (Check(items[i], place) is not { } body) continue;
            var id = Text(body[kind.IdField!]);
            if (string.IsNullOrEmpty(id))
            {
                Faults.Add($"{place}.{kind.IdField} is missing.");
                continue;
            }

            if (!seen.Add(id)) Faults.Add($"{place}.{kind.IdField} '{id}' is there twice.");
            if (kind == DocumentKind.Prices && !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                Faults.Add($"{place}.version '{id}' is no whole number from 1.");
                continue;
            }

            body.Remove(kind.IdField!);
            if (kind == DocumentKind.Tenants && body["name"] is null) body["name"] = id;
            documents.Add(kind == DocumentKind.Prices
                ? new Document($"{place} ({book} version {id})", $"{book} version {id}", kind.PathOf($"{Uri.EscapeDataString(book ?? "")}/versions/{id}"), body, id)
                : new Document($"{place} ({id})", id, kind.PathOf(id), body, id));
        }

        return documents;
    }

    private JsonObject? Check(JsonNode? item, string place)
    {
        if (item is JsonObject body) return (JsonObject)Copy(body, "", place)!;
        Faults.Add($"{place} has no fields.");
        return null;
    }

    // Names are checked here because a misspelt one is the usual fault, and its place in the file is known only here.
    private JsonNode? Copy(JsonNode? node, string field, string place)
    {
        switch (node)
        {
            case JsonObject fields:
                var copy = new JsonObject();
                foreach (var (name, value) in fields)
                {
                    var inner = Inner(field, name);
                    if (inner is null) Faults.Add($"{place}.{name} is unknown; there {(Siblings(field) is { Length: > 0 } known ? $"may be {known}" : "are no fields")}.");
                    else copy[name] = Copy(value, inner, $"{place}.{name}");
                }

                return copy;
            case JsonArray items:
                var list = new JsonArray();
                for (var i = 0; i < items.Count; i++) list.Add(Copy(items[i], field + "[]", $"{place}[{i}]"));
                return list;
            default:
                return node is not null && kind.Texts.Contains(field) ? JsonValue.Create(Text(node)) : node?.DeepClone();
        }
    }

    private string? Inner(string field, string name)
    {
        var prefix = field.Length == 0 ? "" : field + ".";
        return kind.Fields.Contains(prefix + name) ? prefix + name : kind.Fields.Contains(prefix + "*") ? prefix + "*" : null;
    }

    private string Siblings(string field)
    {
        var prefix = field.Length == 0 ? "" : field + ".";
        return string.Join(", ", kind.Fields.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]).Where(name => name.IndexOfAny(['.', '[']) < 0).Order());
    }

    private static string? Text(JsonNode? node) => node is JsonValue value ? value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString() : null;
}
