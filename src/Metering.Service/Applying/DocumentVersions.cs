using Metering.Service.Http;
using Metering.Service.Ledger;

namespace Metering.Service.Applying;

/// <summary>The versions that documents of an <see cref="ApplyRequest"/> are to have before anything is changed; the same as those of a PUT, see <see cref="Versions"/>.</summary>
/// <param name="Sql">What the PUT of one has.</param>
/// <param name="Parameters">Those of the SQL, by the id of a document; null: it is no id.</param>
/// <param name="IsThereAlways">The document is an empty one until somebody writes it.</param>
internal sealed record DocumentVersions(string Sql, Func<string, (string Name, object Value)[]?> Parameters, bool IsThereAlways = false)
{
    public static DocumentVersions ById(string sql, bool isThereAlways = false) => new(sql, id => [("@id", id)], isThereAlways);

    /// <summary>Every document that is not what its request expects, as a fault at its place.</summary>
    public async Task<List<Fault>> ChangedAsync(LedgerTransaction transaction, IReadOnlyList<ApplyRequest.Entry> documents)
    {
        var changed = new List<Fault>();
        for (var i = 0; i < documents.Count; i++)
        {
            if (Tags(documents[i]) is not { } tags || Parameters(documents[i].Id) is not { } parameters) continue;
            var present = await VersionCondition.VersionAsync(VersionCondition.Locking(transaction, Sql, parameters), IsThereAlways, CancellationToken.None);
            if (tags.Refusal(present) is { } refusal) changed.Add(new Fault($"documents[{i}]", refusal));
        }

        return changed;
    }

    /// <summary>Null: the document has no condition.</summary>
    public static EntityTags? Tags(ApplyRequest.Entry? entry) => entry is { IfMatch: null, IfNoneMatch: null } or null ? null : new EntityTags(Quoted(entry.IfMatch), Quoted(entry.IfNoneMatch));

    // Within JSON the quotes of an ETag are easily left out.
    private static string? Quoted(string? tag) => tag is null or "*" || tag.Contains('"', StringComparison.Ordinal) ? tag : $"\"{tag}\"";
}
