using System.Text.Json;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Holds every answer that any test gets from <see cref="RunningService"/> against the approved API document: its status, and that an error is a problem.</summary>
internal static class DeclaredAnswers
{
    private static readonly Lazy<List<(string Method, string[] Path, Dictionary<string, HashSet<string>> Answers)>> Operations = new(Read);

    public static void Check(string method, string path, RunningService.Answer answer)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") return;
        var (status, given) = ((int)answer.Status, path.Split('?')[0].Trim('/').Split('/'));
        var (_, _, answers) = Operations.Value.FirstOrDefault(one => one.Method == method && one.Path.Length == given.Length && one.Path.Zip(given).All(pair => pair.First == pair.Second || (pair.First.StartsWith('{') && pair.Second.Length > 0)));

        // What is no path of the document, and what the server refuses before it looks for one.
        if (answers is null || status == 405 || (status == 404 && answer.Text.Contains("There is no such path", StringComparison.Ordinal)) || (status >= 400 && answer.Text.Length == 0)) return;
        Assert.True(answers.TryGetValue(status.ToString(System.Globalization.CultureInfo.InvariantCulture), out var kinds), $"{method} {path} answers {status}, which the API document does not tell: {answer.Text[..Math.Min(500, answer.Text.Length)]}");
        Assert.True(answer.Text.Length == 0 || kinds.Count == 0 || kinds.Contains(answer.Media ?? ""), $"{method} {path} answers {status} as {answer.Media}; the API document tells of {string.Join(", ", kinds)}.");
    }

    private static List<(string, string[], Dictionary<string, HashSet<string>>)> Read()
    {
        var document = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(RepositoryFiles.Root, "tests/Metering.Tests/Access/openapi.v1.approved.json")));
        var found = new List<(string Method, string[] Path, Dictionary<string, HashSet<string>> Answers)>();
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var answers = operation.Value.GetProperty("responses").EnumerateObject().ToDictionary(one => one.Name, one => Kinds(document, one.Value), StringComparer.Ordinal);
                found.Add((operation.Name.ToUpperInvariant(), path.Name.Trim('/').Split('/'), answers));
            }
        }

        // What is written out goes before what is filled in.
        return [.. found.OrderBy(one => one.Path.Count(part => part.StartsWith('{')))];
    }

    private static HashSet<string> Kinds(JsonElement document, JsonElement response)
    {
        if (response.TryGetProperty("$ref", out var reference)) response = reference.GetString()!.Split('/').Skip(1).Aggregate(document, (at, name) => at.GetProperty(name));
        return response.TryGetProperty("content", out var content) ? content.EnumerateObject().Select(one => one.Name).ToHashSet(StringComparer.Ordinal) : [];
    }
}
