using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Metering.Service.Http;

/// <summary>Gives a route that answers a whole list its pages (<c>limit</c>, <c>cursor</c>; the next one in header <c>X-Next-Cursor</c>) and CSV, one column for each field.</summary>
internal static class ListAnswers
{
    /// <summary>Header with the cursor of the next page, of answers that are plain lists.</summary>
    public const string NextHeader = "X-Next-Cursor";

    private const int MaxLimit = 10_000;

    public static ProblemHttpResult NoLimit(int? limit, int most) => Problems.Invalid($"'limit' is {limit}; it is 1 to {most}.");

    public static ProblemHttpResult NoCursor() => Problems.Invalid("'cursor' is none of ours; take the X-Next-Cursor of the page before.");

    /// <summary>Takes off what was read beyond a page, and tells where the next one begins.</summary>
    public static List<T> Page<T>(HttpResponse response, List<T> rows, int limit, Func<T, string> cursor)
    {
        if (rows.Count <= limit) return rows;
        rows.RemoveRange(limit, rows.Count - limit);
        response.Headers[NextHeader] = cursor(rows[^1]);
        return rows;
    }

    public static RouteHandlerBuilder AsList(this RouteHandlerBuilder route) => route.AddEndpointFilter(FilterAsync).WithMetadata(new QueryGate.Names(["limit", "cursor", "format"])).AddOpenApiOperationTransformer((operation, _, _) =>
    {
        operation.Parameters ??= [];
        foreach (var (name, type, what) in (IEnumerable<(string, JsonSchemaType, string)>)[("limit", JsonSchemaType.Integer, $"1 to {MaxLimit}, which is the default"), ("cursor", JsonSchemaType.String, "X-Next-Cursor of the page before"), ("format", JsonSchemaType.String, "json or csv")])
            operation.Parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Query, Description = what, Schema = new OpenApiSchema { Type = type } });
        return Task.CompletedTask;
    });

    /// <summary>Gives a route that makes its own pages CSV: of a list, or of the one list within a page.</summary>
    public static RouteHandlerBuilder AsTable(this RouteHandlerBuilder route) => route.AddEndpointFilter(TableAsync).WithMetadata(new QueryGate.Names(["format"])).AddOpenApiOperationTransformer((operation, _, _) =>
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter { Name = "format", In = ParameterLocation.Query, Description = "json or csv", Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
        return Task.CompletedTask;
    });

    private static async ValueTask<object?> TableAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var result = await next(context);
        if (!CsvAnswer.Wanted(http.Request, http.Request.Query["format"].Count > 0 ? http.Request.Query["format"].ToString() : null)) return result;
        if ((result is INestedHttpResult nested ? nested.Result : result) is not IValueHttpResult { Value: { } value } || result is IStatusCodeHttpResult { StatusCode: not 200 }) return result;
        var options = http.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        var whole = JsonSerializer.SerializeToElement(value, options);
        var (rows, type) = (whole, value.GetType());
        if (whole.ValueKind == JsonValueKind.Object)
        {
            if (options.GetTypeInfo(type).Properties.FirstOrDefault(field => field.PropertyType != typeof(string) && ElementOf(field.PropertyType) is not null) is not { } list) return result;
            (rows, type) = (whole.GetProperty(list.Name), list.PropertyType);
        }

        var more = whole.ValueKind == JsonValueKind.Object && whole.TryGetProperty("nextCursor", out var cursor) && cursor.ValueKind == JsonValueKind.String ? cursor.GetString() : null;
        return Csv([.. rows.EnumerateArray().Cast<object?>()], type, more, options);
    }

    private static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var (limit, offset) = (MaxLimit, 0);
        var (wanted, cursor) = (http.Request.Query["limit"].ToString(), http.Request.Query["cursor"].ToString());
        if (wanted.Length > 0 && (!int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit)) return Problems.Invalid($"'limit' is 1 to {MaxLimit}.");
        if (cursor.Length > 0 && !TryRead(cursor, out offset)) return NoCursor();
        var result = await next(context);
        if ((result is INestedHttpResult nested ? nested.Result : result) is not IValueHttpResult { Value: IList all }) return result;
        var page = all.Cast<object?>().Skip(offset).Take(limit).ToList();
        var more = offset + page.Count < all.Count ? Convert.ToBase64String(Encoding.ASCII.GetBytes((offset + page.Count).ToString(CultureInfo.InvariantCulture))).TrimEnd('=') : null;
        if (CsvAnswer.Wanted(http.Request, http.Request.Query["format"].Count > 0 ? http.Request.Query["format"].ToString() : null)) return Csv(page, all.GetType(), more, http.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions);
        if (more is not null) http.Response.Headers[NextHeader] = more;
        return TypedResults.Ok(page);
    }

    // The columns are the fields of the type, so that an empty list has its header and no list has another one.
    private static CsvAnswer Csv(List<object?> page, Type list, string? more, JsonSerializerOptions options)
    {
        var rows = page.ConvertAll(one => JsonSerializer.SerializeToElement(one, options));
        var known = ElementOf(list) is { } element ? options.GetTypeInfo(element).Properties.Where(field => field.Get is not null).Select(field => field.Name) : [];
        var names = known.Concat(rows.Where(row => row.ValueKind == JsonValueKind.Object).SelectMany(row => row.EnumerateObject()).Select(field => field.Name)).Distinct(StringComparer.Ordinal).ToList();
        return new CsvAnswer(names, rows.Select(row => (IReadOnlyList<object?>)[.. names.Select(name => row.TryGetProperty(name, out var value) ? Cell(value) : null)]), more);
    }

    private static Type? ElementOf(Type list) =>
        list.GetInterfaces().Append(list).FirstOrDefault(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GetGenericArguments()[0];

    private static object? Cell(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetDecimal(),
        _ => value.GetRawText(),
    };

    private static bool TryRead(string cursor, out int offset)
    {
        offset = 0;
        var bytes = new byte[16];
        return cursor.Length <= 16 && Convert.TryFromBase64String(cursor + new string('=', (4 - cursor.Length % 4) % 4), bytes, out var count) &&
            int.TryParse(Encoding.ASCII.GetString(bytes, 0, count), NumberStyles.None, CultureInfo.InvariantCulture, out offset);
    }
}
