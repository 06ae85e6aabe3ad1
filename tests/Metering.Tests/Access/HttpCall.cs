using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>A call of <c>requests.http</c>, with the variables that REST Client for Visual Studio Code knows: <c>{{url}}</c>, <c>{{key}}</c>, <c>{{$datetime …}}</c> and what an earlier call with a name was answered.</summary>
/// <param name="Name">Of <c># @name</c>; null: none.</param>
internal sealed partial record HttpCall(string? Name, string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string? Body)
{
    /// <summary>All of the file, in its order.</summary>
    public static IReadOnlyList<HttpCall> All()
    {
        var calls = new List<HttpCall>();
        foreach (var block in File.ReadAllText(System.IO.Path.Combine(RepositoryFiles.Root, "requests.http")).Split("\n###").Skip(1))
        {
            var request = Request().Match(block);
            Assert.True(request.Success, "This is no request: " + block);
            var rest = block[request.Index..];
            var cut = rest.IndexOf("\n\n", StringComparison.Ordinal);
            var body = cut < 0 ? "" : rest[cut..].Trim();
            var headers = (cut < 0 ? rest : rest[..cut]).Split('\n').Skip(1).Where(line => line.Contains(':', StringComparison.Ordinal)).ToDictionary(line => line.Split(':', 2)[0].Trim(), line => line.Split(':', 2)[1].Trim(), StringComparer.OrdinalIgnoreCase);
            var name = Named().Match(block[..request.Index]);
            calls.Add(new HttpCall(name.Success ? name.Groups["name"].Value : null, request.Groups["method"].Value, request.Groups["path"].Value, request.Groups["query"].Value, headers, body.Length > 0 ? body : null));
        }

        return calls;
    }

    /// <summary>The text with its variables filled in.</summary>
    public static string Fill(string text, string key, IReadOnlyDictionary<string, RunningService.Answer> answers) => Variable().Replace(text, variable =>
    {
        var inner = variable.Groups["inner"].Value.Trim();
        if (inner == "url") return "";
        if (inner == "key") return key;
        if (inner.StartsWith("$datetime ", StringComparison.Ordinal)) return Instant(inner);
        var part = Former().Match(inner);
        Assert.True(part.Success && answers.ContainsKey(part.Groups["name"].Value), $"requests.http has {{{{{inner}}}}}, of which nothing is known at that place.");
        var answer = answers[part.Groups["name"].Value];
        return part.Groups["header"].Success ? answer.Headers[part.Groups["header"].Value] : Of(answer.Json, part.Groups["path"].Value);
    });

    public bool Is(ApiOperation route)
    {
        if (route.Method != Method) return false;
        var (wanted, given) = (route.Path.TrimEnd('/').Split('/'), Path.TrimEnd('/').Split('/'));
        return wanted.Length == given.Length && wanted.Zip(given).All(pair => pair.First == pair.Second || (pair.First.StartsWith('{') && pair.Second.Length > 0)) &&
            given.Zip(wanted).Where(pair => pair.Second.StartsWith('{')).All(pair => pair.First is not ("apply" or "current"));
    }

    // Such as invoices[0].id or [0].id.
    private static string Of(JsonElement document, string path)
    {
        foreach (Match step in Step().Matches(path))
        {
            var index = step.Groups["index"].Success ? int.Parse(step.Groups["index"].Value, CultureInfo.InvariantCulture) : -1;
            Assert.True(index < 0 || index < document.GetArrayLength(), $"requests.http asks for {path} of an answer that has none: {document}");
            document = index >= 0 ? document[index] : document.GetProperty(step.Groups["name"].Value);
        }
        return document.ToString();
    }

    // $datetime iso8601 1 d, $datetime 'YYYY-MM' 2 M
    private static string Instant(string variable)
    {
        var parts = variable.Split(' ');
        var now = TimeProvider.System.GetUtcNow();
        var offset = int.Parse(parts[2], CultureInfo.InvariantCulture);
        var at = parts[3] switch { "d" => now.AddDays(offset), "M" => now.AddMonths(offset), var unit => throw new NotSupportedException($"The unit {unit} of {variable}.") };
        return at.ToString(parts[1] switch { "iso8601" => "yyyy-MM-ddTHH:mm:ss.fffZ", "'YYYY-MM'" => "yyyy-MM", var format => throw new NotSupportedException($"The format {format} of {variable}.") }, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(?<method>GET|PUT|POST|DELETE) \{\{url\}\}(?<path>(\{\{[^}]*\}\}|[^\s?{])*)(?<query>\S*)", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Request();

    [GeneratedRegex(@"^# @name (?<name>\w+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Named();

    [GeneratedRegex(@"\{\{(?<inner>[^}]*)\}\}", RegexOptions.ExplicitCapture)]
    private static partial Regex Variable();

    [GeneratedRegex(@"^(?<name>\w+)\.response\.(headers\.(?<header>[\w-]+)|body\.\$(?<path>.*))$", RegexOptions.ExplicitCapture)]
    private static partial Regex Former();

    [GeneratedRegex(@"\[(?<index>[0-9]+)\]|(?<name>\w+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Step();
}
