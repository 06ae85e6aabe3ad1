using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Metering.Service.Http;

/// <summary>
/// Gives documents that people edit a version, so that nobody undoes a change of somebody else without having seen it: reading and changing tell it as <c>ETag</c>, and a change with <c>If-Match</c> takes
/// effect only on what the tag is of, else it is answered 412. Looked at within the transaction of the change. Without <c>If-Match</c> the last one wins.
/// </summary>
internal static class Versions
{
    private const string IfMatchText = "ETag of what was read: the change takes effect only if that is what it still is, else 412", IfNoneMatchText = "* makes it only when it is not there yet, else 412";

    /// <summary>Marks the routes.</summary>
    internal sealed record Versioned
    {
        public static readonly Versioned Instance = new();
    }

    /// <param name="sql">Reads what makes up the document, one row; its parameters are those of the route.</param>
    /// <param name="isThereAlways">The document is an empty one until somebody writes it.</param>
    public static RouteHandlerBuilder WithVersion(this RouteHandlerBuilder route, string sql, bool isThereAlways = false) => route.WithMetadata(Versioned.Instance)
        .AddEndpointFilter((context, next) => HttpMethods.IsGet(context.HttpContext.Request.Method) ? ReadAsync(context, next, sql, isThereAlways) : ChangeAsync(context, next, sql, isThereAlways))
        .AddOpenApiOperationTransformer((operation, context, _) =>
        {
            if (context.Description.HttpMethod == "GET") return Task.CompletedTask;
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter { Name = "If-Match", In = ParameterLocation.Header, Description = IfMatchText, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
            if (context.Description.HttpMethod == "PUT") operation.Parameters.Add(new OpenApiParameter { Name = "If-None-Match", In = ParameterLocation.Header, Description = IfNoneMatchText, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
            return Task.CompletedTask;
        });

    private static async ValueTask<object?> ReadAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next, string sql, bool isThereAlways)
    {
        // Before what is shown: a change between the two makes the tag too old, which is refused, and never too new.
        var http = context.HttpContext;
        string? version;
        await using (var connection = await http.RequestServices.GetRequiredService<LedgerStore>().OpenReadAsync(http.RequestAborted))
        {
            await using var command = Verification.VerifyRun.Command(connection, sql, VersionCondition.Parameters(http.Request, sql));
            version = await VersionCondition.VersionAsync(command, isThereAlways, http.RequestAborted);
        }

        var result = await next(context);
        if (version is not null && IsFine(result)) http.Response.Headers.ETag = $"\"{version}\"";
        return result;
    }

    private static async ValueTask<object?> ChangeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next, string sql, bool isThereAlways)
    {
        var http = context.HttpContext;
        var condition = new VersionCondition(http.Request, sql, isThereAlways);
        if (!condition.IsReadable) return Problems.Invalid("If-Match and If-None-Match are '*' or tags in quotes, as the ETag of an answer has them.");
        LedgerStore.WriteIf(condition);
        try
        {
            var result = await next(context);
            if (condition.Made is { } made && IsFine(result)) http.Response.Headers.ETag = $"\"{made}\"";
            return result;
        }
        catch (VersionChangedException changed)
        {
            return Problems.Changed(changed.Message);
        }
    }

    private static bool IsFine(object? result) => (result is INestedHttpResult nested ? nested.Result : result) is IStatusCodeHttpResult { StatusCode: 200 };
}
