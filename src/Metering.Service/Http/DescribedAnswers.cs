using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Metering.Service.Http;

/// <summary>
/// Tells in the API document what can go wrong with each operation, and how requests and answers look. Of errors, what follows from the kind of a route is said here, the rest by the route with <c>ProducesProblem</c>.
/// The examples are real: they were recorded by replaying <c>requests.http</c>, and a test holds them against it.
/// </summary>
internal static class DescribedAnswers
{
    private const string Problem = "application/problem+json";

    // Status, title, type, example of a detail.
    private static readonly Dictionary<int, (string What, string Type, string Detail)> Kinds = new()
    {
        [400] = ("The request is not valid", "invalid-request", "'limit' is 0; it is 1 to 10000."),
        [401] = ("A key is needed", "unauthorized", "Send 'Authorization: Bearer KEY'; 'metering up' writes one to admin.key in its data directory."),
        [403] = ("The key may not do this", "forbidden", "The credential's role may not do this; an administrator can make a key of another role with 'metering keys create'."),
        [404] = ("There is no such thing", "unknown", "There is no tenant 'acme'."),
        [409] = ("It conflicts with what is recorded", "conflict", "A verification is running already; wait for its end."),
        [412] = ("It is not what the request expects", "changed", "It was changed since it was read; read it again, make the change to what it is now, and send that with its ETag as If-Match."),
        [413] = ("The request is not valid", "too-large", "The body is larger than the route takes; send it in parts."),
        [415] = ("The request is not valid", "unsupported-media-type", "The body is of a kind that the route does not read; send JSON with 'Content-Type: application/json'."),
        [422] = ("The content breaks a rule", "rule-broken", "timeZone 'Berlin' is unknown; give an IANA name such as Europe/Berlin."),
        [429] = ("Too many requests", "too-many", "This credential asks more often than it may. Try again in 2 s."),
        [503] = ("The ledger can not be used now", "unavailable", "The PostgreSQL ledger can not be read: connection refused"),
    };

    private static readonly Lazy<JsonObject> Examples = new(() =>
    {
        using var stream = typeof(DescribedAnswers).Assembly.GetManifestResourceStream("Metering.Service.examples.json")!;
        return JsonNode.Parse(stream)!.AsObject();
    });

    public static void DescribeAnswers(this OpenApiOptions document)
    {
        document.AddOperationTransformer(async (operation, context, cancel) =>
        {
            var statuses = (operation.Responses ??= []).Keys.Where(key => key[0] is '4' or '5').Select(key => int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)).Concat(Usual(operation, context.Description)).Distinct().ToList();
            foreach (var status in statuses) operation.Responses.Remove(Text(status));
            foreach (var status in statuses.Order())
            {
                await EnsureAsync(context, status, cancel);
                operation.Responses[Text(status)] = new OpenApiResponseReference("Problem" + Text(status), context.Document);
            }

            if (HasFormat(context.Description) && operation.Responses.GetValueOrDefault("200")?.Content is { } content && !content.ContainsKey("text/csv"))
                content["text/csv"] = new OpenApiMediaType { Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
            if (context.Description.HttpMethod == "GET" && operation.Responses.TryGetValue("200", out var good) && good.Content?.ContainsKey("application/json") == true)
                operation.Responses["304"] = new OpenApiResponse { Description = "It is what the ETag in If-None-Match is of" };
            Illustrate(operation, $"{context.Description.HttpMethod} /{context.Description.RelativePath!.TrimEnd('/')}");
        });
    }

    // What may happen to any route of the kind.
    private static IEnumerable<int> Usual(OpenApiOperation operation, ApiDescription route)
    {
        var (method, path) = (route.HttpMethod!, route.RelativePath!);
        yield return 400;
        yield return 401;
        yield return 403;
        yield return 429;
        yield return 503;
        if (method is not "PUT" && path.Contains('{', StringComparison.Ordinal) && !IsAlwaysThere(path)) yield return 404;
        if (path.EndsWith("/apply", StringComparison.Ordinal) || (method != "GET" && route.ActionDescriptor.EndpointMetadata.OfType<Versions.Versioned>().Any())) yield return 412;
        if (operation.RequestBody is not null)
        {
            yield return 413;
            yield return 415;
        }

        // A key of idempotency that stands for another request, or for one that is being carried out.
        if (method == "POST")
        {
            yield return 409;
            yield return 422;
        }

        if (method == "PUT") yield return 422;
    }

    // Any month and any book can be asked about.
    private static bool IsAlwaysThere(string path) => path is "v1/periods/{period}" or "v1/periods/{period}/close" or "v1/price-books/{id}/apply" or "v1/price-books/{id}/dry-run";

    private static bool HasFormat(ApiDescription route) =>
        route.ParameterDescriptions.Any(parameter => parameter.Name == "format") || route.ActionDescriptor.EndpointMetadata.OfType<QueryGate.Names>().Any(names => names.Values.Contains("format"));

    private static async Task EnsureAsync(OpenApiOperationTransformerContext context, int status, CancellationToken cancel)
    {
        var name = "Problem" + Text(status);
        var components = context.Document!.Components ??= new OpenApiComponents();
        components.Responses ??= new Dictionary<string, IOpenApiResponse>();
        if (components.Responses.ContainsKey(name)) return;
        var (what, type, detail) = Kinds[status];
        if (components.Schemas?.ContainsKey("Problem") != true) context.Document.AddComponent("Problem", await context.GetOrCreateSchemaAsync(typeof(ProblemDocument), null, cancel));
        var example = new JsonObject { ["type"] = "urn:metering:problem:" + type, ["title"] = what, ["status"] = status, ["detail"] = detail };
        if (status == 422)
        {
            example["faults"] = new JsonArray(detail);
            example["errors"] = new JsonArray(new JsonObject { ["pointer"] = "/timeZone", ["field"] = "timeZone", ["detail"] = detail["timeZone ".Length..] });
        }

        var response = new OpenApiResponse
        {
            Description = what,
            Content = new Dictionary<string, OpenApiMediaType> { [Problem] = new OpenApiMediaType { Schema = new OpenApiSchemaReference("Problem", context.Document), Example = example } },
        };
        if (status == 429) response.Headers = new Dictionary<string, IOpenApiHeader> { ["Retry-After"] = new OpenApiHeader { Description = "Whole seconds", Schema = new OpenApiSchema { Type = JsonSchemaType.Integer } } };
        components.Responses[name] = response;
    }

    private static void Illustrate(OpenApiOperation operation, string name)
    {
        if (Examples.Value[name] is not JsonObject example) return;
        if (example["request"] is { } request && operation.RequestBody?.Content?.TryGetValue("application/json", out var sent) == true) sent.Example = request.DeepClone();
        if (example["response"] is not { } answer) return;
        foreach (var (status, response) in operation.Responses!)
        {
            if (status is "200" or "201" && response.Content?.TryGetValue("application/json", out var told) == true) told.Example = answer.DeepClone();
        }
    }

    private static string Text(int status) => status.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
