using System.Text.Json;

namespace Metering.Tests.Access;

/// <summary>The operations that the OpenAPI document tells of.</summary>
internal sealed record ApiOperation(string Method, string Path, bool HasBody, IReadOnlyList<string> PathParameters, IReadOnlyList<string> QueryParameters)
{
    public override string ToString() => $"{Method} {Path}";

    /// <summary>The path with its parameters filled in.</summary>
    public string With(Func<string, string> value) => PathParameters.Aggregate(Path, (path, name) => path.Replace("{" + name + "}", value(name), StringComparison.Ordinal)).TrimStart('/');

    /// <summary>Of a query, what the route has: another parameter is refused.</summary>
    public string Query(string query)
    {
        var mine = query.TrimStart('?').Split('&').Where(pair => QueryParameters.Contains(pair.Split('=')[0], StringComparer.OrdinalIgnoreCase)).ToList();
        return mine.Count == 0 ? "" : "?" + string.Join('&', mine);
    }

    public static async Task<IReadOnlyList<ApiOperation>> AllAsync(RunningService service)
    {
        var found = new List<ApiOperation>();
        foreach (var path in (await service.GoodAsync("GET", "openapi/v1.json")).Json.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var parameters = operation.Value.TryGetProperty("parameters", out var list) ? list.EnumerateArray().Select(one => (In: one.GetProperty("in").GetString(), Name: one.GetProperty("name").GetString()!)).ToList() : [];
                found.Add(new ApiOperation(operation.Name.ToUpperInvariant(), path.Name, operation.Value.TryGetProperty("requestBody", out _),
                    [.. parameters.Where(one => one.In == "path").Select(one => one.Name)], [.. parameters.Where(one => one.In == "query").Select(one => one.Name)]));
            }
        }

        return found;
    }
}
