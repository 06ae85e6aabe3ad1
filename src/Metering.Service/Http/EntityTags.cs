using Microsoft.Extensions.Primitives;

namespace Metering.Service.Http;

/// <summary>Tags as <c>If-Match</c> and <c>If-None-Match</c> have them (RFC 9110, 13.1). A tag begins with the version of the document; what follows a dash is of the answer it came with, and is not looked at here.</summary>
internal sealed class EntityTags(StringValues match, StringValues noneMatch)
{
    private readonly List<string> _match = Split(match), _noneMatch = Split(noneMatch);

    /// <summary>Whether each tag is one, <c>"…"</c>, or all there is is <c>*</c>.</summary>
    public bool IsReadable => Readable(_match) && Readable(_noneMatch);

    /// <summary>Why a change is not to be made; null: it is.</summary>
    /// <param name="present">The version of the document; null: there is none.</param>
    public string? Refusal(string? present)
    {
        if (_match.Count > 0 && !_match.Exists(tag => Is(tag, present, isWeakFine: false)))
        {
            return present is null
                ? "There is no such thing any more, or not yet; send the request without If-Match to make it."
                : "It was changed since it was read; read it again, make the change to what it is now, and send that with its ETag as If-Match.";
        }

        return _noneMatch.Exists(tag => Is(tag, present, isWeakFine: true)) ? "It is there already; read it, and send its ETag as If-Match to change it." : null;
    }

    private static List<string> Split(StringValues header) => [.. header.SelectMany(one => (one ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static bool Readable(List<string> tags) => tags is ["*"] || tags.TrueForAll(tag => tag.StartsWith("W/", StringComparison.Ordinal) ? IsQuoted(tag[2..]) : IsQuoted(tag));

    private static bool IsQuoted(string tag) => tag.Length >= 2 && tag[0] == '"' && tag[^1] == '"' && !tag[1..^1].Contains('"', StringComparison.Ordinal);

    private static bool Is(string tag, string? present, bool isWeakFine)
    {
        if (tag == "*") return present is not null;
        if (tag.StartsWith("W/", StringComparison.Ordinal))
        {
            if (!isWeakFine) return false;
            tag = tag[2..];
        }

        return present is not null && tag.Trim('"').Split('-')[0] == present;
    }
}
